"""What a reader sees: the table of verdicts, and what captions say of n."""

import math

import pandas as pd
import pytest

from harness.analysis.analysis import Analysis
from harness.analysis.results import read_results
from harness.report import typeset
from harness.report.build import write_tables
from harness.report.tables import relative_improvement, verdicts
from tests import synthetic_records as synthetic

HEADER = "dataset,space,method,seed,accuracy\n"
RUNS = {
    ("a", "random_sampling"): [80, 82, 84, 81, 83],
    ("a", "better"): [90, 91, 92, 90.5, 91.5],
    ("a", "single"): [85],
    ("a", "like random"): [81, 82, 83],
    ("b", "random_sampling"): [0.5, 0.52],
    ("b", "better"): [0.9, 0.9],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two datasets, one in percent and one in fractions; unequal n, a single run, missing cells."""
    folder = tmp_path_factory.mktemp("layouts")
    lines = [f"{d},s_1,{m},{i},{v}\n" for (d, m), values in RUNS.items() for i, v in enumerate(values)]
    (folder / "r.csv").write_text(HEADER + "".join(lines))
    write_tables(Analysis(read_results(folder / "r.csv")), folder)
    return folder


def test_a_cell_holds_improvement_verdict_and_interval(made):
    shown = verdicts.layout(Analysis(read_results(made / "r.csv")), "Made.")
    assert list(shown.headers) == ["method", "space", "a", "b"]
    rows = {row[0]: row[2:] for row in shown.rows}
    assert rows["better"] == ["+10.98 better\n[+7.74, +14.38]", "+76.47 ≈"]
    assert rows["single"] == ["+3.66 no interval", "–"]
    assert rows["like random"][0] == "0.00 ≈"
    assert "A verdict without an interval: so few runs" in shown.caption  # 2 against 2: six arrangements
    assert "n = 1 to 5 runs per method against 2 to 5 random architectures" in shown.caption
    assert "No interval: a single run has neither an interval nor a test." in shown.caption
    assert shown.caption.endswith("Made.")


def test_numbers_of_the_verdicts_are_those_of_the_improvements(made):
    wide = pd.read_csv(made / "verdicts.csv").set_index("method")
    long = pd.read_csv(made / "relative_improvement.csv").set_index(["method", "dataset"])
    for (method, dataset), row in long.iterrows():
        names = {"ri": dataset, "holm_low": f"{dataset} low", "holm_high": f"{dataset} high"}
        assert [wide.loc[method, b] for b in names.values()] == pytest.approx([row[a] for a in names], nan_ok=True)
        assert wide.loc[method, f"{dataset} verdict"] == row["verdict"]
    assert pd.isna(wide.loc["single", "b"]) and pd.isna(wide.loc["single", "b verdict"])


def test_runs_needed_as_readers_see_them():
    shown = [relative_improvement.runs_needed(n) for n in (math.nan, 2.0, 1000.0, math.inf)]
    assert shown == [
        "–",
        "2",
        "1000",
        ">1,000",
    ]


def test_ranks_name_the_datasets_that_are_left_out(made):
    text = (made / "ranking.md").read_text()
    assert "n = 1 datasets" in text and "Left out, because a method has no RI there: b." in text
    assert "One dataset gives ranks, but no interval and no test." in text


def test_the_best_of_k_is_called_an_upper_bound(tmp_path):
    synthetic.make(tmp_path / "records", ("digits",))
    write_tables(Analysis(read_results(tmp_path / "records")), tmp_path)
    text = (tmp_path / "cost_matched.md").read_text()
    assert "with a perfect selector, an upper bound" in text
    assert "n = 3 runs per method, 6 to 8 random architectures" in text and "Protocol laptop-1" in text


def test_markdown_columns_are_aligned_and_cells_stay_on_their_line():
    table = typeset.Table(["a", "number"], [["x|y", "1\n[0, 2]"], ["long name", "–"]], "Caption.", labels=1)
    lines = typeset.markdown(table).splitlines()[2:]
    assert lines[0] == "| a         |   number |"
    assert lines[1] == "| --------- | -------: |"
    assert lines[2] == "| x\\|y      | 1 [0, 2] |"
    assert len({len(line) for line in lines}) == 1
