"""Tables: exact bytes, failures named, and what they do and do not depend on."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from harness import records
from harness.analysis.analysis import Analysis
from harness.analysis.results import read_results
from harness.report import typeset
from harness.report.build import build, write_tables
from harness.report.html import table_page
from harness.report.tables.base import failed_runs
from tests import synthetic_records as synthetic

GOLDEN = Path(__file__).parents[2] / "golden"
BASELINE = "dataset,space,method,seed,accuracy\nd,darts,random_sampling,0,0.8\nd,darts,random_sampling,1,0.9\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("records")
    synthetic.make(path)
    return path


def edit(path, change):
    """Changes a record and seals it again."""
    record = json.loads(path.read_text())
    change(record)
    records.write(path, record)


def bytes_of(folder, but=()):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.stem not in but}


@pytest.mark.parametrize("source", ["csv", "records"])
def test_exact_bytes(source, folder, tmp_path):
    path = GOLDEN / "records.csv" if source == "csv" else folder
    write_tables(Analysis(read_results(path)), tmp_path)
    golden = bytes_of(GOLDEN / "tables" / source)
    made = bytes_of(tmp_path)
    assert golden, "no golden tables"
    assert {name: made[name] for name in golden} == golden


def test_the_order_of_the_records_changes_no_byte(folder, tmp_path):
    shuffled = sorted(folder.rglob("*.json"))
    random.Random(0).shuffle(shuffled)
    write_tables(Analysis(read_results(folder)), tmp_path / "a")
    write_tables(Analysis(read_results(shuffled)), tmp_path / "b")
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")


def test_only_tables_of_times_depend_on_the_time_it_took(folder, tmp_path):
    synthetic.make(tmp_path / "slow")
    for path in (tmp_path / "slow").rglob("*.json"):
        edit(path, lambda record: record["measured"].update(seconds=99.0, date="2027-01-01T00:00:00Z", host="there"))
    write_tables(Analysis(read_results(folder)), tmp_path / "a")
    write_tables(Analysis(read_results(tmp_path / "slow")), tmp_path / "b")
    times = ["run_times", "study_times"]
    assert bytes_of(tmp_path / "a", times) == bytes_of(tmp_path / "b", times)
    assert bytes_of(tmp_path / "a") != bytes_of(tmp_path / "b")


def test_failed_runs_are_counted_left_out_and_named(tmp_path):
    synthetic.make(tmp_path / "records", ("digits",))
    place = tmp_path / "records/digits/fbnet"
    broken = {"status": "diverged", "result": {}, "curves": {}}
    edit(place / "fbnet/train-1-cells8-repeat0.json", lambda record: record.update(broken))
    edit(place / "random_sampling/search-2.json", lambda record: record.update(broken, status="failed"))
    (place / "random_sampling/train-2-cells8-repeat0.json").unlink()
    results = read_results(tmp_path / "records")
    row = Analysis(results).relative_improvement.set_index("method").loc["fbnet"]
    assert row[["n_method", "failed_method", "n_random", "failed_random"]].tolist() == [2, 1, 5, 1]
    write_tables(Analysis(results), tmp_path / "tables")
    for kind in ("md", "tex"):
        text = (tmp_path / f"tables/relative_improvement.{kind}").read_text().replace("\\", "").replace(" & ", " ")
        assert "2 of 3" in text
        assert "FBNet on Digits, seed 1 (diverged)" in text
        assert "random in FBNet on Digits, seed 2 (search failed)" in text


def test_runs_that_failed_alike_stand_together():
    rows = [("darts", seed, "failed") for seed in (5, 0, 1, 2, 3, 9)] + [("darts", 7, "oom"), ("enas", 0, "failed")]
    runs = pd.DataFrame([dict(zip(("method", "seed", "status"), row), space="s", dataset="d") for row in rows])
    (said,) = failed_runs(runs.assign(accuracy=float("nan")))
    assert said == (
        "Left out of means, intervals and tests: DARTS in s on d, seeds 0 to 3, 5, 9 (failed); DARTS in s on d, seed 7"
        " (oom); ENAS in s on d, seed 0 (failed)."
    )


def test_a_failed_training_of_the_depth_gap_is_left_out_and_named(tmp_path):
    synthetic.make(tmp_path / "records", ("digits",), seeds=1, baseline=2)
    path = tmp_path / "records/digits/darts/random_sampling/train-3-cells20-repeat1.json"
    edit(path, lambda record: record.update(status="diverged", result={}, curves={}))
    results = read_results(tmp_path / "records")
    assert Analysis(results).depth_gap.iloc[0]["n"] == 8  # its repeat 0 remains
    write_tables(Analysis(results), tmp_path)
    named = "random in DARTS on Digits, seed 3, 20 cells, repeat 1 (diverged)"
    assert named in (tmp_path / "depth_gap.md").read_text()
    assert "Left out" not in (tmp_path / "relative_improvement.md").read_text()


@pytest.mark.parametrize("left", ["search-*", "train-*"])
def test_half_a_benchmark_still_has_tables(left, tmp_path):
    synthetic.make(tmp_path / "records", ("digits",), seeds=1, baseline=2)
    for path in set((tmp_path / "records").rglob("*.json")) - set((tmp_path / "records").rglob(left)):
        path.unlink()
    build(tmp_path / "records", tmp_path)
    verdicts = set(pd.read_csv(tmp_path / "relative_improvement.csv")["verdict"])
    assert verdicts == ({"no baseline"} if left == "search-*" else {"no interval"})


def test_pages_have_every_row_and_escape(folder, tmp_path):
    write_tables(Analysis(read_results(folder)), tmp_path)
    for path in tmp_path.glob("*.html"):
        page = path.read_text()
        if path.stem in synthetic.WITHOUT_ROWS:
            assert "No rows." in page
            continue
        rows = page.split("<tbody>")[1].split("</tbody>")[0].count("<tr>")
        assert rows == len(path.with_suffix(".md").read_text().split("| ---", 1)[1].split("\n\n")[0].splitlines()) - 1
    strange = typeset.Table(["a"], [["<script>\n[1, 2]"]], "1 < 2", ["<b>"])
    page = table_page("strange", strange)
    assert (
        "&lt;script&gt;<br>[1, 2]" in page and "<script>" not in page and "1 &lt; 2" in page and "<p>&lt;b&gt;" in page
    )


def test_tables_without_rows_say_so(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text(BASELINE)
    write_tables(Analysis(read_results(path)), tmp_path / "out")
    for name in ("verdicts", "relative_improvement", "ranking", "cost_matched", "depth_gap", "variance", "costs"):
        assert "No rows." in (tmp_path / f"out/{name}.md").read_text()
        header = (tmp_path / f"out/{name}.csv").read_text().splitlines()
        assert len(header) == 1 and {"method", "space"} <= set(header[0].split(","))


def test_caption_names_protocol_machine_and_commit(folder, tmp_path):
    write_tables(Analysis(read_results(folder)), tmp_path, {"machine": "a borrowed one", "note": "seen"})
    for kind in ("md", "tex"):
        text = (tmp_path / f"relative_improvement.{kind}").read_text()
        assert "Protocol laptop-1; machine a borrowed one; commit 0123456789ab; note seen." in text
        assert "n = 3 runs per method against 6 to 8 random architectures" in text


def test_tables_import_neither_torch_nor_matplotlib():
    code = "import sys, harness.report.build; print({'torch', 'matplotlib', 'mlflow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
