"""MLflow shows exactly one run a record: after kills, races, changes, and with the store away."""

import math
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from harness import records
from harness.tracking import sync as tracking
from harness.tracking import view
from tests import unprivileged
from tests.tracked import EPOCHS, ROOT, RUNS, assert_exact, query, record, start, wait_until, write


@pytest.fixture(scope="module")
def empty(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("empty")
    assert tracking.sync([], f"sqlite:///{folder}/mlflow.db").error is None
    return folder / "mlflow.db"


@pytest.fixture
def database(tmp_path, empty) -> Path:
    """A store without runs (making one takes seconds)."""
    target = tmp_path / "mlflow.db"
    target.write_bytes(empty.read_bytes())
    return target


def test_a_run_shows_its_record(database, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    curves = {"epoch": [0, 1], "loss": [math.inf, math.nan], "accuracy": [0.1, 0.2]}
    records.write(tmp_path / "a.json", record(3, status="diverged", curves=curves))
    drawn = []

    def drawing(space: str, text: str, path: Path) -> None:
        drawn.append((space, text))
        path.write_bytes(b"picture")

    assert (
        str(tracking.sync([tmp_path / "a.json"], drawings=view.Drawings(drawing)))
        == "1 runs imported, 0 present, 0 removed"
    )
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{database}")
    experiment = client.get_experiment_by_name("laptop")
    assert "random architectures" in experiment.tags["mlflow.note.content"]
    (run,) = client.search_runs([experiment.experiment_id], "tags.dataset = 'digits' and params.recipe.lr = '0.025'")
    assert run.info.run_name == "train 3: digits/darts/enas"
    assert run.info.status == "FAILED"
    assert run.info.end_time - run.info.start_time == 20_000
    axes = {"protocol": "laptop", "dataset": "digits", "space": "darts", "method": "enas", "seed": "3", "cells": "8"}
    expected = axes | {"role": "train", "status": "diverged", "commit": "abc", "exact epoch/loss": "inf at step 0"}
    assert expected.items() <= run.data.tags.items()
    assert run.data.tags["job_key"] == "laptop/digits/darts/enas/train-3-cells8-repeat0"
    assert run.data.params == {"arch": record(3)["arch"], "recipe.lr": "0.025", "recipe.batch": "64"}
    assert run.data.metrics["test_accuracy_percent"] == 75
    assert run.data.metrics["system/seconds"] == 20
    history = client.get_metric_history(run.info.run_id, "epoch/accuracy_percent")
    assert [(point.step, point.value) for point in history] == [(0, 10), (1, 20)]
    assert math.isnan(client.get_metric_history(run.info.run_id, "epoch/loss")[1].value)
    artifacts = tmp_path / "mlartifacts" / run.info.run_id / "artifacts"
    names = {"record.json", "curves.csv", "architecture.txt", "architecture.png"}
    assert {path.name for path in artifacts.iterdir()} == names
    assert (artifacts / "curves.csv").read_text() == "epoch,accuracy,loss\n0,0.1,inf\n1,0.2,nan\n"
    assert drawn == [("darts", record(3)["arch"])]


def test_parameters_are_few_and_none_stands_twice():
    """Of a published search and training with more settings than there is room for."""
    folder = ROOT / "results/published/laptop-2026-11-30/records/digits/single_path/single_path"
    for name in ("search-1", "train-1-cells4-repeat0"):
        shown = view.complete(records.read(folder / f"{name}.json"))
        names = [param.key for param in view.params(shown)]
        assert len(names) == len(set(names)) == 15
        assert not {*names} & {*view.tags(shown), "fingerprint", "code", "search"}
        expected = {"budget.epochs", "parameters.keep"} if name.startswith("search") else {"recipe.lr", "tricks.cutout"}
        assert {"arch", *expected} <= {*names}
    shown["key"]["variant"] = {"tricks.flip": False}
    assert view.params(shown)[1].key == "tricks.flip"


def test_configurations_share_records_and_have_an_experiment_each(database, tmp_path):
    """The parents of a whole experiment are its latest runs, which MLflow lists first."""
    paths, uri = write(tmp_path / "records", 0, 1), f"sqlite:///{database}"
    key = record(2)["key"] | {"method": "darts"}
    late = {**record(2)["measured"], "date": "2099-01-01T00:00:00Z"}
    for name, some in (("laptop-a", paths), ("laptop-b", paths[:1]), ("laptop-a", paths)):
        assert tracking.sync(some, uri, experiment=name).error is None
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    ids = [client.get_experiment_by_name(name).experiment_id for name in ("laptop-a", "laptop-b")]
    assert [len(client.search_runs([id_], "tags.role = 'train'")) for id_ in ids] == [2, 1]
    (old,) = client.search_runs([ids[0]], "tags.role = 'comparison'")
    records.write(tmp_path / "records/2.json", record(2, key=key))
    records.write(tmp_path / "records/0.json", record(0, measured=late))
    assert tracking.sync((tmp_path / "records").glob("*.json"), uri, experiment="laptop-a").error is None
    runs = client.search_runs([ids[0]], "tags.role = 'comparison'")
    assert len(runs) == 2 and old.info.run_id not in [run.info.run_id for run in runs]
    children = client.search_runs([ids[0]], "tags.role = 'train'")
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {run.info.run_id for run in runs}


def test_a_second_sync_changes_nothing(database, tmp_path):
    paths = write(tmp_path / "records", 0, 1, 2)
    tables = "SELECT run_uuid, status, '' FROM runs UNION ALL SELECT run_uuid, key, step FROM metrics ORDER BY 1, 2, 3"
    tracking.sync(paths, f"sqlite:///{database}")
    before = query(database, tables)
    report = tracking.sync(reversed(paths), f"sqlite:///{database}")
    assert (report.imported, report.present, report.removed) == (0, 3, 0)
    assert query(database, tables) == before
    assert_exact(database, tmp_path / "records")


def test_a_changed_record_takes_the_place_of_the_old_one(database, tmp_path):
    folder, uri = tmp_path / "records", f"sqlite:///{database}"
    paths = write(folder, 0, 1, 10)
    tracking.sync(paths, uri)
    records.write(paths[1], record(1, result={"test_accuracy": 0.5}))
    report = tracking.sync([paths[1]], uri)
    assert (report.imported, report.present, report.removed) == (1, 0, 1)
    assert_exact(database, folder)


def test_names_that_queries_could_stumble_over(database, tmp_path):
    folder, uri = tmp_path / "records", f"sqlite:///{database}"
    for i, dataset in enumerate(("folder:/o'brien//x%_", "folder:/o'brien//y%_", 'a"b')):
        for protocol in ("laptop", "smoke"):
            key = record(i)["key"] | {"dataset": dataset, "protocol": protocol}
            curves = record(i)["curves"] | {"my loss (ü)": [1.0] * EPOCHS}
            records.write(folder / f"{protocol}{i}.json", record(i, key=key, curves=curves))
    for _ in range(2):
        report = tracking.sync(folder.glob("*.json"), uri)
        assert report.error is None
        assert_exact(database, folder)
    assert report.present == 6


def test_a_cut_record_is_named_and_the_others_are_shown(database, tmp_path, capsys):
    paths = write(tmp_path / "records", 0, 1)
    paths[0].write_bytes(paths[0].read_bytes()[:100])
    report = tracking.sync(paths, f"sqlite:///{database}")
    assert report.imported == 1
    assert len(report.skipped) == 1
    assert capsys.readouterr().err.count("0.json") == 1


def test_killed_imports_leave_nothing_behind(database, tmp_path):
    folder, uri = tmp_path / "records", f"sqlite:///{database}"
    paths = write(folder, *range(30))
    for some in (3, 12):
        process = start(folder, uri)
        wait_until(lambda some=some: len(query(database, "SELECT 1 FROM runs")) >= some)
        process.kill()
        process.wait()
        assert len(query(database, RUNS)) < 30
    assert tracking.sync(paths, uri).error is None
    assert_exact(database, folder)


def test_a_kill_while_the_database_is_made(tmp_path):
    folder, database = tmp_path / "records", tmp_path / "mlflow.db"
    paths = write(folder, 0)
    temporary = tmp_path / "mlflow.db.tmp"
    for size in (1, 200_000):
        process = start(folder, f"sqlite:///{database}")
        wait_until(lambda size=size: temporary.exists() and temporary.stat().st_size >= size)
        process.kill()
        process.wait()
        assert not database.exists()
    assert tracking.sync(paths, f"sqlite:///{database}").error is None
    assert_exact(database, folder)


def test_a_deleted_database_is_rebuilt_without_the_log_it_left(database, tmp_path):
    paths = write(tmp_path / "records", 0)
    log = tmp_path / "mlflow.db-wal"
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE old_rubbish (x)")
        content = log.read_bytes()  # gone with the last connection, unless that is killed
    database.unlink()
    log.write_bytes(content)
    assert tracking.sync(paths, f"sqlite:///{database}").error is None
    assert_exact(database, tmp_path / "records")
    assert not query(database, "SELECT 1 FROM sqlite_master WHERE name = 'old_rubbish'")


@pytest.mark.slow
def test_four_at_once_from_nothing(tmp_path):
    folder = tmp_path / "records"
    write(folder, *range(12))
    processes = [start(folder, f"sqlite:///{tmp_path}/mlflow.db", stderr=subprocess.PIPE) for _ in range(4)]
    errors = [process.communicate(timeout=120)[1] for process in processes]
    assert errors == [b""] * 4
    assert [process.returncode for process in processes] == [0] * 4
    assert_exact(tmp_path / "mlflow.db", folder)


@pytest.mark.parametrize("content", [b"no database at all" * 100, None])
def test_an_unusable_database_is_left_alone(tmp_path, capsys, content):
    paths, database = write(tmp_path / "records", 0), tmp_path / "mlflow.db"
    if content:
        database.write_bytes(content)
    else:
        query(database, "CREATE TABLE alembic (x)")
    content = database.read_bytes()
    report = tracking.sync(paths, f"sqlite:///{database}")
    assert "rebuilt from the records" in report.error
    assert capsys.readouterr().err.count("\n") == 1
    assert database.read_bytes() == content


@unprivileged.needed
@pytest.mark.parametrize("locked", [False, True])
def test_a_database_that_cannot_be_written_is_left_alone(database, tmp_path_factory, locked):
    """Read-only: its folder too, or only the file. Runs arrive when it can be written again."""
    if locked:
        database.with_name("mlflow.db.lock").touch()
        database.chmod(0o444)
    else:
        database.parent.chmod(0o555)
    folder = tmp_path_factory.mktemp("records")
    write(folder, 1)
    before = database.read_bytes()
    command = [sys.executable, "-m", "harness", "track", "--records", str(folder)]
    environment = {
        "PYTHONPATH": str(ROOT),
        "MLFLOW_TRACKING_URI": f"sqlite:///{database}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run([*unprivileged.PREFIX, *command], cwd="/", env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr.count("\n") == 1
    assert ("readonly database" if locked else "Permission denied") in done.stderr
    assert database.read_bytes() == before
    database.parent.chmod(0o755), database.chmod(0o644)
    assert tracking.sync(folder.glob("*.json"), f"sqlite:///{database}").imported == 1


@pytest.mark.parametrize("listens", [False, True])
def test_a_server_that_is_down_costs_seconds_and_one_warning(database, tmp_path, capsys, listens):
    paths = write(tmp_path / "records", 0, 1)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if listens:  # accepts, and never answers
            server.listen()
        began = time.monotonic()
        report = tracking.sync(paths, f"http://me:secret@127.0.0.1:{server.getsockname()[1]}")
        assert time.monotonic() - began < 10
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "no answer" in error
    assert "secret" not in error
    assert "secret" not in report.error
    assert tracking.sync(paths, f"sqlite:///{database}").imported == 2
    assert_exact(database, tmp_path / "records")


def test_importing_the_module_imports_no_mlflow():
    code = "import sys, harness.tracking.sync; sys.exit('mlflow' in sys.modules or 'sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
