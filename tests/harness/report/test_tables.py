"""Tables: hand-computed numbers, exact bytes, what is said of failures, and one clear line for bad input."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from scipy import stats

from harness import records
from harness.analysis import results as frames
from harness.analysis import summaries
from harness.report import build as tables
from harness.report import typeset
from harness.report.tables import compared as findings
from spaces.base import UserError
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


def contents(folder, but=()):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.stem not in but}


def test_improvement_by_hand():
    table = summaries.relative_improvement(frames.read(GOLDEN / "records.csv")).set_index(["dataset", "method"])
    row = table.loc["digits", "darts"]
    assert (row["n_method"], row["n_random"], row["cells"]) == (3, 6, 8)  # 8 cells: the most frequent
    assert [row["mean"], row["std"], row["random_mean"]] == pytest.approx([0.92, 0.02, 0.85])
    assert row["ri"] == pytest.approx(100 * 0.07 / 0.85)
    assert row["p"] == pytest.approx(
        stats.ttest_ind([0.9, 0.92, 0.94], [0.8, 0.82, 0.84, 0.86, 0.88, 0.9], equal_var=False).pvalue
    )
    assert row["percentile"] == pytest.approx(100 * (5.5 / 6 + 1 + 1) / 3)  # 0.90 is level with the best of six
    assert row["percentile_low"] < row["percentile"] < row["percentile_high"] == 100
    assert row["runs_needed"] == 5
    worse = table.loc["glyphs", "fbnet"]
    assert worse["mean"] == pytest.approx(66.2)  # percentages stay percentages
    smaller, larger = sorted([row["p"], worse["p"]])
    assert [row["p_holm"], worse["p_holm"]] == pytest.approx(
        [2 * smaller if p == smaller else max(larger, 2 * smaller) for p in (row["p"], worse["p"])]
    )
    assert (row["verdict"], worse["verdict"]) == ("better", "worse")
    single = table.loc["digits", "random_ws"]
    assert single["verdict"] == "no interval"
    assert single[["std", "ri_low", "ri_high", "p", "p_holm", "runs_needed", "percentile_low"]].isna().all()
    assert single["percentile"] == pytest.approx(100 * 4 / 6)


def test_depth_gap_by_hand():
    table = summaries.depth_gap(frames.read(GOLDEN / "records.csv"))
    row = table.iloc[0]
    assert (row["method"], row["cells_small"], row["cells_large"], row["n"]) == ("random_sampling", 8, 20, 4)
    assert row["gain"] == pytest.approx((0.03 - 0.01 + 0.01 + 0.03) / 4)
    assert row["tau"] == pytest.approx(4 / 6)  # of six pairs only (a, b) turns round
    assert pd.isna(row["ceiling_small"])  # nothing was trained twice
    searched = table.iloc[1]
    assert (searched["method"], searched["n"]) == ("darts", 1)
    assert searched["gain"] == pytest.approx(0.03)
    assert pd.isna(searched["gain_low"])


def test_depth_gap_of_records_against_scipy(folder):
    table = summaries.depth_gap(frames.read(folder))
    row = table[table["method"] == "random_sampling"].iloc[0]
    accuracy = {}
    for path in (folder / "digits/darts/random_sampling").glob("train-*"):
        record = json.loads(path.read_text())
        key = record["key"]
        accuracy.setdefault((key["cells"], key["repeat"]), {})[key["seed"]] = record["result"]["test_accuracy"]
    one = {axes: [values[seed] for seed in range(8)] for axes, values in accuracy.items()}

    def tau(a, b):
        return stats.kendalltau(one[a], one[b]).statistic

    assert row["ceiling_small"] == pytest.approx(tau((8, 0), (8, 1)))
    assert row["ceiling_large"] == pytest.approx(tau((20, 0), (20, 1)))
    between = [tau((8, a), (20, b)) for a in range(2) for b in range(2)]
    assert row["tau"] == pytest.approx(sum(between) / 4)
    assert row["tau_low"] < row["tau"] < row["tau_high"]


@pytest.mark.parametrize("source", ["csv", "records"])
def test_exact_bytes(source, folder, tmp_path):
    path = GOLDEN / "records.csv" if source == "csv" else folder
    tables.tables(frames.read(path), tmp_path)
    golden = contents(GOLDEN / "tables" / source)
    made = contents(tmp_path)
    assert golden, "no golden tables"
    assert {name: made[name] for name in golden} == golden


def test_same_bytes_whatever_order_the_records_were_written_in(folder, tmp_path):
    shuffled = sorted(folder.rglob("*.json"))
    random.Random(0).shuffle(shuffled)
    tables.tables(frames.read(folder), tmp_path / "a")
    tables.tables(frames.read(shuffled), tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_only_run_times_depend_on_the_time_it_took(folder, tmp_path):
    synthetic.make(tmp_path / "slow")
    for path in (tmp_path / "slow").rglob("*.json"):
        edit(path, lambda record: record["measured"].update(seconds=99.0, date="2027-01-01T00:00:00Z", host="there"))
    tables.tables(frames.read(folder), tmp_path / "a")
    tables.tables(frames.read(tmp_path / "slow"), tmp_path / "b")
    assert contents(tmp_path / "a", ["run_times"]) == contents(tmp_path / "b", ["run_times"])
    assert contents(tmp_path / "a") != contents(tmp_path / "b")


def test_another_dataset_changes_no_interval(folder, tmp_path):
    fewer = summaries.relative_improvement(frames.read(folder))
    synthetic.make(tmp_path, ("digits", "glyphs", "elpv"))
    more = summaries.relative_improvement(frames.read(tmp_path))
    both = fewer.merge(more, on=["dataset", "space", "method"], suffixes=("", "_more"))
    assert len(both) == len(fewer) == 8
    for name in ("ri", "ri_low", "ri_high", "p"):
        assert (both[name] == both[f"{name}_more"]).all()
    assert (both["p_holm_more"] >= both["p_holm"]).all()


def test_the_planted_effects_are_found(folder):
    table = summaries.relative_improvement(frames.read(folder)).set_index(["dataset", "method"])
    assert table.loc["digits", "darts"]["verdict"] == "better"
    assert table.loc["glyphs", "single_path"]["ri"] < 0
    assert table.loc["digits", "enas"]["verdict"] == "not distinguishable"


def test_failed_runs_are_counted_left_out_and_named(tmp_path):
    synthetic.make(tmp_path / "records", ("digits",))
    place = tmp_path / "records/digits/fbnet"
    broken = {"status": "diverged", "result": {}, "curves": {}}
    edit(place / "fbnet/train-1-cells8-repeat0.json", lambda record: record.update(broken))
    edit(place / "random_sampling/search-2.json", lambda record: record.update(broken, status="failed"))
    (place / "random_sampling/train-2-cells8-repeat0.json").unlink()
    results = frames.read(tmp_path / "records")
    row = summaries.relative_improvement(results).set_index("method").loc["fbnet"]
    assert row[["n_method", "failed_method", "n_random", "failed_random"]].tolist() == [2, 1, 5, 1]
    tables.tables(results, tmp_path / "tables")
    for kind in ("md", "tex"):
        text = (tmp_path / f"tables/relative_improvement.{kind}").read_text().replace("\\", "")
        assert "2 of 3" in text
        assert "fbnet in fbnet on digits, seed 1 (diverged)" in text
        assert "random_sampling in fbnet on digits, seed 2 (search failed)" in text


def test_without_baseline_or_result_the_row_says_so(tmp_path):
    synthetic.make(tmp_path, ("digits",))
    for path in (tmp_path / "digits/fbnet/random_sampling").iterdir():
        path.unlink()
    for path in (tmp_path / "digits/enas/enas").glob("train-*"):
        path.unlink()
    table = summaries.relative_improvement(frames.read(tmp_path)).set_index("method")
    assert table.loc["fbnet", "verdict"] == "no baseline"
    assert table.loc["enas", "verdict"] == "no result"
    assert table.loc["enas", "n_method"] == 0
    assert "enas in enas on digits, seed 0 (not trained)" in findings.failures(frames.read(tmp_path))[0]


def test_a_failed_training_of_the_depth_gap_is_left_out_and_named(tmp_path):
    synthetic.make(tmp_path / "records", ("digits",), seeds=1, baseline=2)
    path = tmp_path / "records/digits/darts/random_sampling/train-3-cells20-repeat1.json"
    edit(path, lambda record: record.update(status="diverged", result={}, curves={}))
    results = frames.read(tmp_path / "records")
    assert summaries.depth_gap(results).iloc[0]["n"] == 8  # its repeat 0 remains
    tables.tables(results, tmp_path)
    named = "random_sampling in darts on digits, seed 3, 20 cells, repeat 1 (diverged)"
    assert named in (tmp_path / "depth_gap.md").read_text()
    assert "Left out" not in (tmp_path / "relative_improvement.md").read_text()


@pytest.mark.parametrize("left", ["search-*", "train-*"])
def test_half_a_benchmark_still_has_tables(left, tmp_path):
    synthetic.make(tmp_path / "records", ("digits",), seeds=1, baseline=2)
    for path in set((tmp_path / "records").rglob("*.json")) - set((tmp_path / "records").rglob(left)):
        path.unlink()
    tables.build(tmp_path / "records", tmp_path)
    verdicts = set(pd.read_csv(tmp_path / "relative_improvement.csv")["verdict"])
    assert verdicts == ({"no baseline"} if left == "search-*" else {"no interval"})


def test_bad_records(tmp_path):
    with pytest.raises(UserError, match="no records at"):
        frames.read(tmp_path / "nowhere")
    with pytest.raises(UserError, match="no records in"):
        frames.read(tmp_path)
    synthetic.make(tmp_path, ("digits",), seeds=1, baseline=2)
    path = tmp_path / "digits/fbnet/fbnet/train-0-cells8-repeat0.json"
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    with pytest.raises(UserError, match=r"train-0-cells8-repeat0\.json cannot be read"):
        frames.read(tmp_path)
    path.write_bytes(whole.replace(b'"test_accuracy": 0.', b'"test_accuracy": 0.9'))
    with pytest.raises(UserError, match="changed after it was written"):
        frames.read(tmp_path)
    for change, says in [
        (lambda record: record["result"].update(test_accuracy=1.5), "is done but its test accuracy is 1.5"),
        (lambda record: record["key"].update(seed=5) or record.update(kind="latency"), "unknown kind 'latency'"),
        (lambda record: record["config"].update(version="laptop-2"), "records of two protocols, laptop-1"),
        (lambda record: record["key"].update(protocol="smoke"), "records of two protocols, laptop"),
        (lambda record: record["key"].update(method="random_sampling", seed=1), "are of the same job"),
    ]:
        path.write_bytes(whole)
        edit(path, change)
        with pytest.raises(UserError, match=says):
            frames.read(tmp_path)


def test_pages_have_every_cell_and_escape(folder, tmp_path):
    tables.tables(frames.read(folder), tmp_path)
    for path in tmp_path.glob("*.html"):
        page = path.read_text()
        rows = page.split("<tbody>")[1].split("</tbody>")[0].count("<tr>")
        assert rows == len(path.with_suffix(".md").read_text().split("| ---", 1)[1].split("\n\n")[0].splitlines()) - 1
    strange = typeset.Table(["a"], [["<script>\n[1, 2]"]], "1 < 2", ["<b>"])
    typeset.write_html(tmp_path / "strange.html", strange)
    page = (tmp_path / "strange.html").read_text()
    assert (
        "&lt;script&gt;<br>[1, 2]" in page and "<script>" not in page and "1 &lt; 2" in page and "<p>&lt;b&gt;" in page
    )


def test_tables_without_rows_say_so(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text(BASELINE)
    tables.tables(frames.read(path), tmp_path / "out")
    for name in ("verdicts", "relative_improvement", "ranking", "cost_matched", "depth_gap", "variance", "costs"):
        assert "No rows." in (tmp_path / f"out/{name}.md").read_text()
        header = (tmp_path / f"out/{name}.csv").read_text().splitlines()
        assert len(header) == 1 and {"method", "space"} <= set(header[0].split(","))


def test_caption_names_protocol_machine_and_commit(folder, tmp_path):
    tables.tables(frames.read(folder), tmp_path, {"machine": "a borrowed one", "note": "seen"})
    for kind in ("md", "tex"):
        text = (tmp_path / f"relative_improvement.{kind}").read_text()
        assert "Protocol laptop-1; machine a borrowed one; commit 0123456789ab; note seen." in text
        assert "n = 3 runs a method against 6 to 8 random architectures" in text


def test_tables_import_neither_torch_nor_matplotlib():
    code = "import sys, harness.report.build; print({'torch', 'matplotlib', 'mlflow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
