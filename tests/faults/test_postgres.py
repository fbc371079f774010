"""An MLflow server over PostgreSQL, as docs/cluster.md sets it up: one run a record, whatever was killed."""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from harness import records
from harness.tracking import ledger, view
from tests.tracked import PARENTS, ROOT, RUNS, free_port, served, wait_until

PUBLISHED = ROOT / "results/published/laptop-2026-11-30/records/digits/darts"
DEBIAN = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")))[-1:]  # not on its users' PATH
INITDB, POSTGRES, PSQL = (shutil.which(f, path=":".join([*DEBIAN, os.defpath])) for f in ("initdb", "postgres", "psql"))
LACKING = [] if INITDB and POSTGRES and PSQL else ["PostgreSQL (apt-get install postgresql)"]
if not importlib.util.find_spec("psycopg2"):
    LACKING += ["psycopg2 (pip install -c constraints.txt -e '.[cluster]')"]
MADE = ("CREATE ROLE mlflow LOGIN PASSWORD 'PASSWORD'", "CREATE DATABASE mlflow OWNER mlflow")
"""As docs/cluster.md has it."""
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(LACKING), reason=f"needs {', '.join(LACKING)}")]


@contextmanager
def postgres() -> Iterator[str]:
    """A server on loopback, and MLflow's database in it: its address. It refuses root: Debian's user for it runs it."""
    user = {} if os.geteuid() else {"user": "postgres", "group": "postgres", "extra_groups": []}
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        if user:
            shutil.chown(folder, "postgres", "postgres")
        options = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **user}
        initdb = f"{INITDB} --pgdata=data --auth-local=peer --auth-host=scram-sha-256 --encoding=UTF8 --no-locale"
        subprocess.run(initdb.split(), check=True, **options)
        port = free_port()
        process = subprocess.Popen(f"{POSTGRES} -D data -h 127.0.0.1 -k {folder} -p {port}".split(), **options)
        try:
            psql = [PSQL, "-h", folder, "-p", str(port), "-d", "postgres", "-c"]
            wait_until(lambda: subprocess.run([*psql, ""], **options).returncode == 0)
            for statement in MADE:
                subprocess.run([*psql, statement], check=True, **options)
            yield f"postgresql://mlflow:PASSWORD@127.0.0.1:{port}/mlflow"
        finally:
            process.send_signal(signal.SIGINT)  # does not wait for clients
            process.wait(60)


def query(database: str, text: str) -> list[tuple]:
    import psycopg2

    with closing(psycopg2.connect(database)) as connection, connection.cursor() as cursor:
        cursor.execute(text)
        return cursor.fetchall()


def assert_exactly_once(database: str, artifacts: Path, paths: list[Path]) -> None:
    """One run a record, whole: all its points, and the very bytes of the record among the server's artifacts."""
    known = {json.loads(path.read_bytes())["sha256"]: path for path in paths}
    runs = query(database, RUNS)
    assert sorted(digest for *_, digest in runs) == sorted(known)
    points = dict(query(database, "SELECT run_uuid, count(*) FROM metrics GROUP BY 1"))
    for run, status, where, digest in runs:
        assert status == "FINISHED" and where.startswith("mlflow-artifacts:/")
        assert points[run] == len(view.metrics(view.complete(records.read(known[digest]))))
        (kept,) = artifacts.glob(f"*/{run}/artifacts/record.json")
        assert kept.read_bytes() == known[digest].read_bytes()
    assert not query(database, "SELECT 1 FROM runs WHERE status = 'RUNNING'")
    assert len(query(database, PARENTS)) == 2  # of darts and random_sampling


def test_a_server_that_is_killed_midway_and_comes_back(tmp_path, monkeypatch):
    """The records are the published ones of one method and its baseline on one dataset."""
    shutil.copytree(PUBLISHED, tmp_path / "records")
    paths, artifacts, port = sorted((tmp_path / "records").rglob("*.json")), tmp_path / "artifacts", free_port()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("HARNESS_MLFLOW_PROBE_SECONDS", "20")  # the machine may have other work
    monkeypatch.setenv("HARNESS_MLFLOW_PATIENCE_SECONDS", "60")
    track = [sys.executable, "-m", "harness", "track", "--records", "records", "--experiment", "small"]

    def missing() -> int:
        return ledger.missing(ledger.LEDGER, "small", map(records.read, paths))

    with postgres() as database:
        options = ("--backend-store-uri", database, "--artifacts-destination", str(artifacts))
        with served("server", tmp_path, *options, port=port, end=signal.SIGKILL):
            process = subprocess.Popen(track, stderr=subprocess.PIPE, text=True)
            wait_until(lambda: len(list(artifacts.glob("*/*/artifacts/record.json"))) > len(paths) / 4, 600)
        warning = process.communicate(timeout=300)[1]
        assert warning.count("\n") == 1 and "the next `python -m harness track` goes on from there" in warning
        assert 0 < missing() < len(paths)
        with served("server", tmp_path, *options, port=port):
            assert subprocess.run(track, capture_output=True).stderr == b""
            assert missing() == 0
            assert_exactly_once(database, artifacts, paths)
            said = subprocess.run(track, capture_output=True, text=True).stdout
            assert said == f"0 runs imported, {len(paths)} present, 0 removed\n"
            assert_exactly_once(database, artifacts, paths)
