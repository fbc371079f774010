"""The parents of MLflow's runs say what the table of relative improvements says, once for each of its rows."""

import json
import subprocess

import pytest

from harness import records
from harness.analysis.analysis import Analysis
from harness.analysis.results import read_results
from harness.tracking import sync as tracking
from tests import synthetic_records
from tests.tracked import CHILDREN, PARENTS, query, start, wait_until

CELLS = 4 * 2  # a method and random sampling in each of four spaces


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """(client, experiment, folder of records, database) after one sync."""
    folder = tmp_path_factory.mktemp("comparison")
    synthetic_records.make(folder / "records", ("digits",), seeds=3, baseline=6)
    uri = f"sqlite:///{folder}/mlflow.db"
    assert tracking.sync((folder / "records").rglob("*.json"), uri).error is None
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    protocol = json.loads(next((folder / "records").rglob("*.json")).read_text())["key"]["protocol"]
    return client, client.get_experiment_by_name(protocol).experiment_id, folder / "records", folder / "mlflow.db"


def parents(client, experiment):
    runs = client.search_runs([experiment], "tags.role = 'comparison'")
    return {(run.data.tags["dataset"], run.data.tags["space"], run.data.tags["method"]): run for run in runs}


def test_they_say_what_the_table_says(shown):
    client, experiment, folder, _ = shown
    found = parents(client, experiment)
    assert len(found) == CELLS
    table = Analysis(read_results(folder)).relative_improvement
    assert len(table) == 4
    for row in table.itertuples():
        run = found[row.dataset, row.space, row.method]
        assert run.data.tags["verdict"] == row.verdict
        assert run.data.metrics["RI"] == pytest.approx(row.ri, abs=0.005)
        assert run.data.metrics["RI_low"] == pytest.approx(row.ri_low, abs=0.005)
        assert (run.data.metrics["n"], run.data.metrics["random_n"]) == (row.n_method, row.n_random)
        assert f"{row.ri:+.2f}%" in run.data.tags["mlflow.note.content"]
        assert row.verdict in run.data.tags["mlflow.note.content"]
    assert found["digits", "darts", "random_sampling"].data.tags["verdict"] == "baseline"


def test_they_follow_the_records_and_are_otherwise_left_alone(shown):
    client, experiment, folder, database = shown
    uri, metrics = f"sqlite:///{database}", "SELECT run_uuid, key, value, timestamp FROM metrics ORDER BY 1, 2, 4"
    before, old = query(database, metrics), parents(client, experiment)
    tracking.sync(folder.rglob("*.json"), uri)
    assert query(database, metrics) == before
    path = next((folder / "digits/enas/enas").glob("train-0-*.json"))
    record = records.read(path)
    kept = path.read_bytes()
    record["result"]["test_accuracy"] /= 2
    records.write(path, record)
    report = tracking.sync(folder.rglob("*.json"), uri)
    path.write_bytes(kept)
    assert (report.imported, report.removed, report.error) == (1, 1, None)
    new = parents(client, experiment)
    assert {cell: run.info.run_id for cell, run in new.items()} == {cell: run.info.run_id for cell, run in old.items()}
    enas = "digits", "enas", "enas"
    assert new[enas].data.metrics["RI"] < old[enas].data.metrics["RI"] - 10
    assert new["digits", "fbnet", "fbnet"].data.metrics["RI"] == old["digits", "fbnet", "fbnet"].data.metrics["RI"]


def test_doubled_deleted_and_unfinished_parents_are_mended(shown):
    """What two machines at once, a user, and a kill leave."""
    client, experiment, folder, database = shown
    old = parents(client, experiment)
    double = old["digits", "enas", "enas"]
    tags = {name: double.data.tags[name] for name in ("protocol", "dataset", "space", "method", "role")}
    client.create_run(experiment, tags=tags)  # RUNNING, as a killed import leaves it
    client.delete_run(old["digits", "darts", "darts"].info.run_id)
    assert tracking.sync(folder.rglob("*.json"), f"sqlite:///{database}").error is None
    found = query(database, PARENTS)
    assert [status for _, status in found] == ["FINISHED"] * CELLS
    assert {parent for (parent,) in query(database, CHILDREN)} == {run for run, _ in found}
    assert parents(client, experiment)["digits", "darts", "darts"].data.tags["verdict"]


@pytest.mark.slow
def test_killed_after_the_first_parent(tmp_path):
    synthetic_records.make(tmp_path, ("digits",), seeds=1, baseline=2)
    for i, path in enumerate(sorted(tmp_path.rglob("*.json"))):
        path.rename(tmp_path / f"{i}.json")
    database = tmp_path / "mlflow.db"
    process = start(tmp_path, f"sqlite:///{database}", stderr=subprocess.DEVNULL)
    wait_until(lambda: database.exists() and query(database, PARENTS), 240)
    process.kill()
    process.wait()
    assert len(query(database, PARENTS)) < CELLS
    assert tracking.sync(tmp_path.glob("*.json"), f"sqlite:///{database}").error is None
    assert [status for _, status in query(database, PARENTS)] == ["FINISHED"] * CELLS
    assert not query(database, "SELECT 1 FROM runs WHERE status = 'RUNNING'")
