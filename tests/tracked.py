"""Records as the harness writes them, and what a store must hold of them: read by SQL, beside MLflow."""

import json
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from harness import records

ROOT = Path(__file__).resolve().parent.parent
WORKER = """
import sys
from pathlib import Path
from harness.tracking import sync
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
        "result": {"accuracy": 0.75, "parameters": 1234},
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


RUNS = """
SELECT r.run_uuid, r.status, r.artifact_uri, t.value FROM runs r JOIN tags t ON t.run_uuid = r.run_uuid
WHERE t.key = 'record' AND r.lifecycle_stage = 'active'
"""


def assert_exact(database: Path, folder: Path, points: int = 2 * EPOCHS - 1) -> None:
    """One run a record, whole: every point of its curves, and the very bytes of the record as artifact."""
    runs = query(database, RUNS)
    contents = {json.loads(path.read_bytes())["sha256"]: path.read_bytes() for path in folder.glob("*.json")}
    assert sorted(run[3] for run in runs) == sorted(contents)
    logged = dict(query(database, "SELECT run_uuid, count(*) FROM metrics WHERE key IN ('loss', 'lr') GROUP BY 1"))
    for run, status, artifacts, digest in runs:
        assert status == "FINISHED"
        assert logged[run] == points
        assert Path(artifacts.removeprefix("file://"), "record.json").read_bytes() == contents[digest]
    assert not query(database, "SELECT 1 FROM runs WHERE status = 'RUNNING'")


def start(folder: Path, uri: str, **options) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", WORKER, str(folder), uri], cwd=ROOT, **options)


def wait_until(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
