"""Jobs forked from a process that has loaded torch: the same records, and nobody outlives anybody."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from harness import records
from harness.plan import registry
from harness.running import preloaded
from harness.running.driver import VARIABLE, lives

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks of a process with torch: Linux only")

JOB = "--protocol smoke --dataset digits --space darts --method darts --seed 0 --data data"
LONG = (
    "search --protocol laptop --dataset digits --space darts --method darts --data large --set order=2 --out long.json"
)
DRIVER = """
import os, sys
from pathlib import Path
from harness.running import preloaded
os.environ["HARNESS_DRIVER"] = str(os.getpid())
preloaded.start(Path("."))
print("started", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def driver(tmp_path):
    """A process that keeps one with torch, and does nothing else."""
    environment = {**os.environ, "PYTHONPATH": str(registry.ROOT)}
    command = [sys.executable, "-c", DRIVER]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, **pipes)
    assert process.stdout.readline() == b"started\n"
    job(process, tmp_path, "data --dataset digits --image 8 --out data").wait()
    job(process, tmp_path, "data --dataset digits --image 12 --out large").wait()
    yield process
    process.kill()
    process.communicate()


def job(driver, folder, words, own=False):
    """A job of this driver; `own`: does its work itself."""
    environment = {**os.environ, "PYTHONPATH": str(registry.ROOT), VARIABLE: str(driver.pid)}
    if not own:
        environment[preloaded.VARIABLE] = "preloaded.socket"
    command = [sys.executable, "-m", "harness", *words.split()]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def server(driver):
    (process,) = psutil.Process(driver.pid).children()
    return process


def the_fork(driver):
    return wait_for(lambda: server(driver).children(), "a fork")[0]


def wait_for(found, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)
    return value


def test_a_fork_makes_the_record_that_a_process_of_its_own_makes(driver, tmp_path):
    for name, own in (("fork", False), ("own", True)):
        for step in (f"search {JOB} --out search.json", f"train {JOB} --search search.json --cells 4 --out train.json"):
            process = job(driver, tmp_path, f"{step} --work {name}", own)
            said = process.communicate()
            assert process.returncode == 0, said
            (tmp_path / step.split()[-1]).rename(tmp_path / f"{name}-{step.split()[0]}.json")
            (tmp_path / "search.json").write_bytes((tmp_path / f"{name}-search.json").read_bytes())
    for kind in ("search", "train"):
        fork, own = (json.loads((tmp_path / f"{name}-{kind}.json").read_text()) for name in ("fork", "own"))
        del fork["measured"], own["measured"]
        assert fork == own


def test_errors_and_exit_status_arrive(driver, tmp_path):
    process = job(driver, tmp_path, f"search {JOB.replace('darts', 'dartz')}")
    out, err = process.communicate()
    assert process.returncode == 2
    assert err.decode().startswith("error: ") and "darts" in err.decode() and err.count(b"\n") == 1


def test_a_time_limit_ends_the_fork_and_its_job(driver, tmp_path):
    process = job(driver, tmp_path, f"{LONG} --hours 0.0001")
    process.communicate()
    assert process.returncode == 0
    assert records.read(tmp_path / "long.json")["status"] == "timeout"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_fork_ends_with_its_job(driver, tmp_path, number):
    process = job(driver, tmp_path, LONG)
    fork = the_fork(driver)
    process.send_signal(number)
    said = process.communicate()
    assert process.returncode != 0, said
    wait_for(lambda: not lives(fork), "its end", 2)
    assert not (tmp_path / "long.json").exists()


FOLLOW = """
import socket, threading, time
from harness.running import preloaded
mine, its = socket.socketpair()
threading.Thread(target=preloaded._follow, args=(mine,), daemon=True).start()
mine.sendall(b"!")
its.close()  # with something unread: the other end is reset
time.sleep(20)
"""


def test_a_fork_ends_with_a_job_that_has_not_listened():
    environment = {**os.environ, "PYTHONPATH": str(registry.ROOT)}
    assert subprocess.run([sys.executable, "-c", FOLLOW], env=environment, timeout=60).returncode == preloaded.KILLED


def test_a_job_ends_with_its_fork(driver, tmp_path):
    process = job(driver, tmp_path, LONG)
    the_fork(driver).kill()
    process.communicate()
    assert process.returncode == 137


def test_all_end_with_their_driver(driver, tmp_path):
    process = job(driver, tmp_path, LONG)
    fork, origin = the_fork(driver), server(driver)
    driver.kill()
    driver.wait()
    wait_for(lambda: not lives(fork) and not lives(origin), "their end", 2)
    assert process.wait(2) != 0


def test_where_nobody_answers_the_job_does_its_work_itself(driver, tmp_path):
    server(driver).kill()
    words = f"search {JOB} --out search.json".replace("--method darts", "--method random_sampling")
    process = job(driver, tmp_path, words)
    process.communicate()
    assert process.returncode == 0
    assert records.read(tmp_path / "search.json")["status"] == "done"


def test_only_this_user_may_ask(driver, tmp_path):
    assert (tmp_path / "preloaded.socket").stat().st_mode & 0o077 == 0
