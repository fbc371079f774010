"""Records appear in MLflow while a driver makes them; the process that sees to it ends with its driver."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.faults.torture import ONE_METHOD
from tests.tracked import ROOT, RUNS, query, wait_until

DRIVER = """
import sys, time
from pathlib import Path
from harness.tracking.follow import Follower
from harness.running.driver import Driver
Driver(Path(".snakemake")).start()
follower = Follower(["--config", "benchmark.yaml"])
follower.command.append("1")
follower.start()
print(follower.process.pid, flush=True)
sys.stdin.read()
follower.stop(complete=False)
"""
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
ENVIRONMENT.pop("MLFLOW_TRACKING_URI", None)


def harness(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "harness", *arguments]
    return subprocess.run(command, cwd=folder, env=ENVIRONMENT, check=True, stdout=subprocess.PIPE, text=True).stdout


def search(folder: Path, seed: int) -> None:
    """Another record: drawing an architecture at random takes a second."""
    axes = ["--protocol", "smoke", "--dataset", "digits", "--space", "darts", "--method", "random_sampling"]
    harness(folder, "search", *axes, "--seed", str(seed))


class Driven:
    """A driver with a follower that looks every second."""

    def __init__(self, folder: Path, **environment: str) -> None:
        pipe, env = subprocess.PIPE, {**ENVIRONMENT, **environment}
        self.driver = subprocess.Popen([sys.executable, "-c", DRIVER], cwd=folder, env=env, stdin=pipe, stdout=pipe)
        self.follower = psutil.Process(int(self.driver.stdout.readline()))

    def kill(self) -> float:
        """Kills the driver; the seconds that the follower lives on."""
        self.driver.kill()
        self.driver.wait()
        began = time.monotonic()
        wait_until(lambda: not self.follower.is_running() or self.follower.status() == psutil.STATUS_ZOMBIE, 20)
        return time.monotonic() - began


def prepared(folder: Path, config: str) -> Path:
    (folder / "benchmark.yaml").write_text(config)
    harness(folder, "data", "--dataset", "digits", "--image", "8")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return prepared(tmp_path_factory.mktemp("followed").resolve(), ONE_METHOD)


def shown(folder: Path) -> int:
    return len(query(folder / "mlflow.db", RUNS)) if (folder / "mlflow.db").exists() else 0


def test_records_appear_while_the_driver_lives_and_a_killed_driver_takes_it_along(folder):
    driven = Driven(folder)
    search(folder, 0)
    wait_until(lambda: shown(folder) == 1, 120)
    search(folder, 1)
    connection = sqlite3.connect(folder / "mlflow.db", isolation_level=None)
    wait_until(lambda: shown(folder) == 2, 60)
    assert driven.driver.poll() is None
    connection.execute("BEGIN EXCLUSIVE")  # now the follower will wait for the lock
    (folder / "results/smoke/records/digits/darts/random_sampling/search-1.json").touch()
    time.sleep(3)
    assert driven.kill() < 2
    connection.close()


def test_without_a_new_record_it_loads_nothing_and_ends_when_asked(folder):
    driven = Driven(folder)
    time.sleep(4)
    with driven.follower.oneshot():
        assert driven.follower.memory_info().rss < 100e6
    driven.driver.communicate(timeout=60)
    assert not driven.follower.is_running()


def touched(folder):
    """Records are newer than what the follower has seen; True."""
    for path in (folder / "results").rglob("search-0.json"):
        path.touch()
    return True


def test_without_a_server_there_is_one_warning(folder):
    search(folder, 0)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        log = folder / "warnings"
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        uri = f"http://127.0.0.1:{closed.getsockname()[1]}"
        command = [sys.executable, "-m", "harness", "track", "--config", "benchmark.yaml", "--follow", "1"]
        with log.open("w") as file:
            env = {**ENVIRONMENT, "MLFLOW_TRACKING_URI": uri}
            process = subprocess.Popen(command, cwd=folder, env=env, stderr=file)
        wait_until(lambda: touched(folder) and log.read_text(), 120)
        time.sleep(8)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert log.read_text().count("\n") == 1
    assert f"no answer from {uri}" in log.read_text()


def test_it_gives_way_to_track(tmp_path):
    """Of low priority, it would keep the store for as long as other programs leave it no processor."""
    prepared(tmp_path, ONE_METHOD.replace("random: 2", "random: 60"))
    jobs = [f"digits/darts/random_sampling/search-{seed}" for seed in range(60)]
    harness(tmp_path, "run", "--config", "benchmark.yaml", *jobs)
    driven = Driven(tmp_path)
    wait_until(lambda: touched(tmp_path) and shown(tmp_path) > 0, 900)  # seconds of work, at low priority
    left = 60 - shown(tmp_path)
    imported = int(harness(tmp_path, "track", "--config", "benchmark.yaml").split()[0])
    assert left / 2 < imported <= left
    assert shown(tmp_path) == 60
    wait_until(lambda: driven.follower.nice() == psutil.Process(driven.driver.pid).nice() + 10)  # it lives, anew
    driven.kill()
