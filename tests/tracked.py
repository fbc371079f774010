"""Records as the harness writes them, and what a store must hold of them: read by SQL, beside MLflow."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from harness import records

ROOT = Path(__file__).resolve().parent.parent
WORKER = """
import sys
from pathlib import Path
from harness.tracking.sync import sync
report = sync(Path(sys.argv[1]).glob("*.json"), sys.argv[2])
sys.exit(report.error)
"""
EPOCHS = 4


def record(seed: int, **changes) -> dict:
    return {
        "kind": "train",
        "status": "done",
        "key": {"protocol": "laptop", "dataset": "digits", "space": "darts", "method": "enas", "seed": seed}
        | {"cells": 8, "repeat": 0, "main": True},
        "arch": f'{{"normal": [["skip_connect", {seed}]]}}',
        "data": "d" * 64,
        "result": {"test_accuracy": 0.75, "parameters": 1234},
        "config": {"recipe": {"lr": 0.025, "batch": 64}, "name": "x" * 7000},
        "curves": {"epoch": list(range(EPOCHS)), "loss": [2.0, 1.5, 1.25, 1.0], "lr": [0.1, 0.05, None, 0.0]},
        "fingerprint": "f" * 64,
        "environment": {"python": "3.11", "torch": "2.14", "commit": "abc"},
        "measured": {"seconds": 20.0, "date": "2026-11-23T01:02:03Z", "host": "here"},
    } | changes


def write(folder: Path, *seeds: int) -> list[Path]:
    paths = [folder / f"{seed}.json" for seed in seeds]
    for path, seed in zip(paths, seeds):
        records.write(path, record(seed))
    return paths


def query(database: Path, text: str) -> list[tuple]:
    with closing(sqlite3.connect(database, timeout=60)) as connection:
        return connection.execute(text).fetchall()


PARENTS = """
SELECT p.run_uuid, p.status FROM runs p JOIN tags t ON t.run_uuid = p.run_uuid
WHERE t.key = 'role' AND t.value = 'comparison' AND p.lifecycle_stage = 'active'
"""
CHILDREN = """
SELECT t.value FROM runs r JOIN tags t ON t.run_uuid = r.run_uuid
WHERE t.key = 'mlflow.parentRunId' AND r.lifecycle_stage = 'active'
"""
POINTS = "SELECT run_uuid, count(*) FROM metrics WHERE key IN ('epoch/loss', 'epoch/lr') GROUP BY 1"
RUNS = """
SELECT r.run_uuid, r.status, r.artifact_uri, t.value FROM runs r JOIN tags t ON t.run_uuid = r.run_uuid
WHERE t.key = 'record' AND r.lifecycle_stage = 'active'
"""


def assert_exact(database: Path, folder: Path, points: int = 2 * EPOCHS - 1) -> None:
    """One run a record, whole: every point of its curves, and the very bytes of the record as artifact. One parent a
    method, space and dataset, and every run below one."""
    runs = query(database, RUNS)
    contents = {json.loads(path.read_bytes())["sha256"]: path.read_bytes() for path in folder.glob("*.json")}
    assert sorted(run[3] for run in runs) == sorted(contents)
    logged = dict(query(database, POINTS))
    for run, status, artifacts, digest in runs:
        assert status == "FINISHED"
        assert logged[run] == points
        assert Path(artifacts.removeprefix("file://"), "record.json").read_bytes() == contents[digest]
    assert not query(database, "SELECT 1 FROM runs WHERE status = 'RUNNING'")
    keys = [json.loads(content)["key"] for content in contents.values()]
    cells = {(key["protocol"], key["dataset"], key["space"], key["method"]) for key in keys}
    parents = query(database, PARENTS)
    assert len(parents) == len(cells)
    assert {status for _, status in parents} == {"FINISHED"}
    children = [parent for (parent,) in query(database, CHILDREN)]
    assert len(children) == len(runs)
    assert set(children) == {parent for parent, _ in parents}


def start(folder: Path, uri: str, **options) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", WORKER, str(folder), uri], cwd=ROOT, **options)


def wait_until(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(url: str) -> bool:
    try:
        return urllib.request.urlopen(f"{url}/health", timeout=5).status == 200
    except OSError:
        return False


def post(url: str, call: str, body: dict) -> dict:
    request = urllib.request.Request(f"{url}/api/2.0/mlflow/{call}", json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    return json.load(urllib.request.urlopen(request, timeout=20))


@contextmanager
def served(command: str, folder: Path, *options: str, port: int = 0, end: int = signal.SIGTERM) -> Iterator[str]:
    """A real MLflow process; its URL. `end`: the signal that ends it and its workers."""
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    arguments = [sys.executable, "-m", "mlflow", command, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*arguments, *options], cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            wait_until(lambda: answers(url), 240)
            yield url
        finally:
            os.killpg(process.pid, end)
            process.wait(60)
