"""Tracking under load and with real servers: the long form of tests/harness/tracking/test_tracking.py."""

import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

from harness import records
from harness.tracking import sync as tracking
from tests.costs import cost
from tests.tracked import ROOT, assert_exact, post, query, record, served, start, wait_until, write

pytestmark = pytest.mark.slow
PROCESSES, RUNS_EACH, EPOCHS = 8, 50, 100


class Cable(threading.Thread):
    """Passes on so many pieces of what a client sends to a server; then, at the time `cut`, it swallows everything."""

    def __init__(self, port: int, pieces: int) -> None:
        super().__init__(daemon=True)
        self.port, self.left, self.cut = port, pieces, 0.0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def run(self) -> None:
        while True:
            client = self.listener.accept()[0]
            server = socket.create_connection(("127.0.0.1", self.port))
            threading.Thread(target=self.pass_on, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self.pass_on, args=(server, client, False), daemon=True).start()

    def pass_on(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        while data := source.recv(65536):
            self.left -= counted
            if self.left >= 0:
                target.sendall(data)
            self.cut = self.cut or (time.monotonic() if self.left < 0 else 0.0)


def test_a_server_that_goes_away_midway_and_comes_back(tmp_path, capsys):
    folder, database = tmp_path / "records", tmp_path / "server.db"
    paths = write(folder, *range(12))
    places = ("--backend-store-uri", f"sqlite:///{database}", "--artifacts-destination", str(tmp_path / "artifacts"))
    with served("server", tmp_path, *places) as url:
        cable = Cable(int(url.rpartition(":")[2]), pieces=120)
        cable.start()
        report = tracking.sync(paths, cable.url)
        assert time.monotonic() - cable.cut < 10  # one call, which is given up after 5 s
        assert 0 < report.imported < 12
        assert capsys.readouterr().err.count("\n") == 1
        assert tracking.sync(paths, url).error is None
        assert tracking.sync(paths, url).present == 12
        records.write(paths[0], record(0, result={"test_accuracy": 0.5}))
        assert tracking.sync(paths, url).removed == 1
        shown = query(database, "SELECT count(*) FROM runs WHERE lifecycle_stage = 'active' AND status = 'FINISHED'")
        assert shown == [(12 + 1,)]  # and their parent
        assert not query(database, "SELECT 1 FROM runs WHERE status = 'RUNNING'")
        found = sorted(path.read_bytes() for path in (tmp_path / "artifacts").glob("*/*/artifacts/record.json"))
        assert {path.read_bytes() for path in paths} <= set(found)


def test_the_users_command_shows_runs_and_artifacts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (path,) = write(tmp_path / "records", 0)
    tracking.sync([path])
    with served("ui", tmp_path, "--backend-store-uri", "sqlite:///mlflow.db") as url:
        experiments = post(url, "experiments/search", {"max_results": 10})["experiments"]
        (laptop,) = (e["experiment_id"] for e in experiments if e["name"] == "laptop")
        wanted = {"experiment_ids": [laptop], "filter": "tags.role = 'train'"}
        (run,) = post(url, "runs/search", wanted)["runs"]
        address = f"{url}/get-artifact?run_uuid={run['info']['run_id']}&path=record.json"
        assert urllib.request.urlopen(address, timeout=20).read() == path.read_bytes()


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_a_lock_of_another_program_is_waited_for(tmp_path, journal):
    paths, database = write(tmp_path / "records", 0), tmp_path / "locked.db"
    tracking.sync([], f"sqlite:///{tmp_path}/mlflow.db")
    query(tmp_path / "mlflow.db", f"VACUUM INTO '{database}'")
    connection = sqlite3.connect(database, check_same_thread=False, isolation_level=None)
    connection.execute(f"PRAGMA journal_mode={journal}")
    connection.execute("BEGIN EXCLUSIVE")
    release = threading.Timer(30, connection.close)
    release.start()
    assert tracking.sync(paths, f"sqlite:///{database}").error is None
    release.join()
    assert_exact(database, tmp_path / "records")


def test_eight_processes_of_fifty_runs_from_nothing_while_somebody_reads(tmp_path):
    """Each process brings records of its own, and one that all of them bring."""
    folders = [tmp_path / f"records{i}" for i in range(PROCESSES)]
    curves = {"epoch": list(range(EPOCHS)), "loss": [1.0] * EPOCHS, "lr": [0.1] * EPOCHS}
    for i, folder in enumerate(folders):
        for seed in (0, *range(1 + i * RUNS_EACH, (i + 1) * RUNS_EACH)):
            records.write(folder / f"{seed}.json", record(seed, curves=curves))
    database = tmp_path / "mlflow.db"
    uri = f"sqlite:///{database}"
    began = time.monotonic()
    processes = [start(folder, uri, stderr=subprocess.PIPE) for folder in folders]
    wait_until(database.exists, 900)  # 5 s of work, which a process of the lowest priority may not get for minutes
    with served("ui", tmp_path, "--backend-store-uri", uri) as url:
        failures = polled(url, processes)
    errors = [process.communicate()[1] for process in processes]
    print(f"{PROCESSES} x {RUNS_EACH} runs in {time.monotonic() - began:.0f} s")
    assert errors == [b""] * PROCESSES
    assert failures == []
    everything = tmp_path / "all"
    everything.mkdir()
    for path in (path for folder in folders for path in folder.iterdir()):
        (everything / path.name).write_bytes(path.read_bytes())
    assert_exact(database, everything, points=2 * EPOCHS)


def test_5000_runs_with_curves_and_pictures_within_ten_minutes_of_cpu(tmp_path):
    curves = {"epoch": list(range(EPOCHS)), "loss": [1.0] * EPOCHS, "lr": [0.1] * EPOCHS}
    for seed in range(5000):  # in an architecture of its own each, which is drawn
        records.write(tmp_path / f"records/{seed}.json", record(seed, curves=curves))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": "sqlite:///mlflow.db"}
    command = [sys.executable, "-m", "harness", "track", "--records", "records"]
    assert cost(command, cwd=tmp_path, env=environment).seconds < 600
    assert query(tmp_path / "mlflow.db", "SELECT count(*) FROM tags WHERE key = 'record'") == [(5000,)]
    assert len(list(tmp_path.glob("mlartifacts/*/artifacts/architecture.png"))) == 5000


def polled(url: str, processes: list[subprocess.Popen]) -> list[Exception]:
    """Asks the UI for runs until all processes have ended; what went wrong."""
    failures = []
    while any(process.poll() is None for process in processes):
        try:
            post(url, "runs/search", {"experiment_ids": ["1"], "max_results": 20})
        except OSError as error:
            failures.append(error)
        time.sleep(0.5)
    return failures
