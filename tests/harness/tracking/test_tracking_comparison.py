"""The parents of MLflow's runs say what the table of relative improvements says, once for each of its rows."""

import json
import subprocess
from pathlib import Path

import pytest

from harness import records
from harness.analysis.analysis import Analysis
from harness.analysis.results import read_results
from harness.report.build import of_dataset
from harness.tracking import sync as tracking
from harness.tracking.view import Drawings
from tests import synthetic_records
from tests.tracked import CHILDREN, PARENTS, query, start, wait_until

CELLS = 4 * 2  # a method and random sampling in each of four spaces


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """(client, experiment, folder of records, database) after one sync."""
    folder = tmp_path_factory.mktemp("comparison")
    synthetic_records.make(folder / "records", ("digits",), seeds=3, baseline=6)
    uri = f"sqlite:///{folder}/mlflow.db"
    drawings = Drawings(comparison=of_dataset)
    assert tracking.sync((folder / "records").rglob("*.json"), uri, drawings).error is None
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
        assert run.data.metrics["test_accuracy_percent"] == pytest.approx(100 * row.mean, abs=0.005)
        sign = "≈" if row.verdict == "not distinguishable" else row.verdict
        place = f"{row.dataset}/{row.space}, {100 * row.mean:.2f}%"
        assert run.info.run_name == f"{row.method} {row.ri:+.1f}% {sign}: {place}"
        jobs = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'")
        seconds = sum(job.data.metrics["system/seconds"] for job in jobs)
        assert run.info.end_time - run.info.start_time == pytest.approx(1000 * seconds) and len(jobs) > 4
        assert f"{row.ri:+.2f}%" in run.data.tags["mlflow.note.content"]
        assert row.verdict in run.data.tags["mlflow.note.content"]
    assert found["digits", "darts", "random_sampling"].data.tags["verdict"] == "baseline"


def test_the_description_begins_with_the_verdicts_over_all_datasets(shown):
    client, experiment, folder, _ = shown
    said = client.get_experiment(experiment).tags["mlflow.note.content"].splitlines()[0]
    for row in Analysis(read_results(folder)).pooled.itertuples():
        part = said.partition(f"**{row.verdict[0].upper()}{row.verdict[1:]}**: ")[2].partition(". ")[0]
        assert f"{row.method} {row.ri:+.1f}%" in part


def test_they_carry_the_table_and_the_forest_plot_of_their_dataset(shown, tmp_path):
    client, experiment, *_ = shown
    for cell, run in parents(client, experiment).items():
        names = {file.path for file in client.list_artifacts(run.info.run_id)}
        assert names == {"table.html", "forest.png", "forest.svg", "forest.pdf"}, cell
    table = Path(client.download_artifacts(run.info.run_id, "table.html", str(tmp_path))).read_text()
    assert table.count("<tr>") == 1 + 4 and "not distinguishable" in table


def test_the_ready_views_are_in_the_menu(shown):
    """As MLflow's own pages write them: a name, times, and the state of the page as a text."""
    client, experiment, *_ = shown
    kept = json.loads(client.get_experiment(experiment).tags["mlflow.sharedViewState.comparisons"])
    assert kept["name"] == "Comparisons with random" and isinstance(kept["createdAt"], int)
    columns = json.loads(kept["state"])["selectedColumns"]
    runs = parents(client, experiment).values()
    for column in columns[:6]:  # what every parent of a method has
        kind, name = column.replace("`", "").split(".")
        assert all(name in getattr(run.data, kind) for run in runs if run.data.tags["verdict"] != "baseline")


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
