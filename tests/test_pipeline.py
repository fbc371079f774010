"""The smoke pipeline, end to end, as a user runs it: its methods, every kind of job, tables, figures, MLflow."""

import json
import os
import re
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from harness.plan import config, registry
from harness.plan.jobs import RANDOM

pytestmark = pytest.mark.pipeline
SHIPPED = ["Snakefile", "environment.yaml", "profiles", "config", "harness/report/captions"]
SMOKE = config.load(registry.ROOT / "config/smoke.yaml")
SPACES = SMOKE.spaces


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A folder of its own with the pipeline's files, so that the test neither uses nor leaves results elsewhere.
    The work of an earlier smoke run of this checkout is taken over where its records belong to the code as it is."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in SHIPPED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(registry.ROOT / name)
    return folder


def snakemake(folder, *arguments, target="all"):
    environment = {**os.environ, "PYTHONPATH": str(registry.ROOT)}
    environment.pop("MLFLOW_TRACKING_URI", None)
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--cores",
        "2",
        target,
        "--configfile",
        "config/smoke.yaml",
        *arguments,
    ]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def records(folder):
    return [json.loads(path.read_text()) for path in sorted((folder / "results/smoke/records").rglob("*.json"))]


@pytest.fixture(scope="module")
def finished(checkout):
    done = snakemake(checkout)
    assert done.returncode == 0, done.stderr[-3000:]
    return checkout


def test_every_job_is_done(finished):
    found = records(finished)
    assert {record["status"] for record in found} == {"done"}
    methods = {search.method for search in SMOKE.searches} | {RANDOM}
    assert {record["key"]["method"] for record in found} == methods
    trained = [record for record in found if record["kind"] == "train"]
    assert all(0 <= record["result"]["test_accuracy"] <= 1 for record in trained)
    assert all(record["result"]["parameters"] > 0 and record["result"]["macs"] > 0 for record in trained)
    assert not list((finished / "work").rglob("*.checkpoint"))


def test_what_was_trained_is_what_was_found(finished):
    found = {record["fingerprint"]: record for record in records(finished)}
    for record in found.values():
        if record["kind"] == "train":
            assert record["arch"] == found[record["config"]["search"]]["arch"]


def test_tables(finished):
    table = pd.read_csv(finished / "results/smoke/smoke/tables/relative_improvement.csv")
    assert len(table) == 4 * 2  # methods x datasets
    for row in table.itertuples():
        ri = 100 * (row.mean - row.random_mean) / row.random_mean
        assert row.ri == pytest.approx(ri, rel=1e-4, abs=1e-3)  # of two means, each written to 6 digits
    gap = pd.read_csv(finished / "results/smoke/smoke/tables/depth_gap.csv")
    assert len(gap)


def test_mlflow_has_one_run_a_record(finished):
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{finished / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("smoke-smoke")
    everything = client.search_runs([experiment.experiment_id], max_results=1000)
    runs = [run for run in everything if run.data.tags["role"] != "comparison"]
    assert sorted(run.data.tags["record"] for run in runs) == sorted(record["sha256"] for record in records(finished))
    assert {run.info.status for run in everything} == {"FINISHED"}
    cells = {run.info.run_id: run.data.tags["verdict"] for run in everything if run not in runs}
    assert {run.data.tags["mlflow.parentRunId"] for run in runs} == set(cells)
    assert len(cells) == (4 + 4) * 2  # methods and random baselines x datasets


def test_a_second_call_does_nothing(finished):
    before = {path: path.stat().st_mtime_ns for path in (finished / "results").rglob("*") if path.is_file()}
    done = snakemake(finished, "--printshellcmds")  # which shows snakemake's own messages
    assert done.returncode == 0
    assert re.findall(r"Finished jobid: \d+ \(Rule: (\w+)\)", done.stdout + done.stderr) == ["all"]  # it looks, only
    assert {path: path.stat().st_mtime_ns for path in (finished / "results").rglob("*") if path.is_file()} == before


def test_a_record_that_is_there_can_be_asked_for(finished):
    """snakemake has no rule for a file that nothing makes any more, and would call that an error."""
    path = sorted((finished / "results/smoke/records").rglob("*.json"))[0]
    before = path.read_bytes()
    done = snakemake(finished, target=str(path.relative_to(finished)))
    assert done.returncode == 0, done.stderr[-3000:]
    assert path.read_bytes() == before


@pytest.mark.slow
def test_a_job_done_again_gives_the_same_bytes(finished):
    """Records that were deleted come back the same, times and host apart; and the tables to the byte."""
    tables = {path: path.read_bytes() for path in (finished / "results/smoke/smoke/tables").glob("*.csv")}
    victims = sorted((finished / "results/smoke/records/glyphs").rglob("*-0*.json"))[:6]
    before = [json.loads(path.read_text()) for path in victims]
    for path in victims:
        path.unlink()
    shutil.rmtree(finished / "work/finished")  # where they would be found again
    done = snakemake(finished)
    assert done.returncode == 0, done.stderr[-3000:]
    for path, old in zip(victims, before):
        new = json.loads(path.read_text())
        del new["measured"], old["measured"]
        assert new == old
    for path, content in tables.items():
        if not path.stem.endswith("_times"):
            assert path.read_bytes() == content, path.name


def test_a_forged_record_is_refused(finished):
    victim = sorted((finished / "results/smoke/records/digits/darts/darts").glob("train-*.json"))[0]
    kept = finished / "kept.json"
    shutil.copy2(victim, kept)
    record = json.loads(victim.read_text())
    record["result"]["test_accuracy"] = 0.999
    victim.write_text(json.dumps(record))
    done = subprocess.run(
        [sys.executable, "-m", "harness", "tables", "--config", "config/smoke.yaml", "--out", "elsewhere"],
        cwd=finished, env={**os.environ, "PYTHONPATH": str(registry.ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    shutil.copy2(kept, victim)
    assert done.returncode == 2
    assert str(victim.relative_to(finished)) in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (finished / "elsewhere").exists()


def test_the_report_is_one_file_with_every_table_and_figure(finished):
    """Walked through in Debian's chromium, where it is installed and cut off from the network."""
    done = snakemake(finished, "--report", "report.html")
    assert done.returncode == 0, done.stderr[-3000:]
    page = (finished / "report.html").read_text()
    assert not re.search(r'(src|href)="(https?:)?//', page)
    found = [f"architectures_{space}.svg" for space in SPACES]
    for name in (
        "verdicts.html",
        "depth_gap.html",
        "costs.html",
        "protocol.html",
        "ri.svg",
        "search_curves.svg",
        *found,
    ):
        assert name in page
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("no chromium: the page was not opened")
    walk = (registry.ROOT / "tests/walk_report.js").read_text()
    head, _, tail = page.rpartition("</body>")  # its scripts hold others
    (finished / "walked.html").write_text(f"{head}<script>{walk}</script></body>{tail}")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=90000", "--enable-logging=stderr"]
    flags += ["--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom"]
    shown = subprocess.run(
        [browser, *flags, f"file://{finished}/walked.html"], capture_output=True, text=True, timeout=300
    )
    assert "Uncaught" not in shown.stderr
    seen = re.search(r'<pre id="seen">(.*?)</pre>', shown.stdout, re.DOTALL)[1].splitlines()
    assert not [line for line in seen if line.startswith("ERROR")]
    widths = {title: int(width) for title, width in (line.split(" | ") for line in seen)}
    assert min(widths.values()) > 200
    assert list(widths)[:2] == ["1.1 methods", "1.2 methods, forest plot"]
    assert {title[0] for title in widths} == set("123456789")
    assert sum("space" in title for title in widths) == len(SPACES)
