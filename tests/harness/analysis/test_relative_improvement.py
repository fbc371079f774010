"""The table of relative improvements: numbers by hand, planted effects, and the verdict where a side is missing."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.analysis.analysis import Analysis
from harness.analysis.results import read_results
from harness.report.tables.base import failed_runs
from tests import synthetic_records as synthetic

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("records")
    synthetic.make(path)
    return path


def test_improvement_by_hand():
    table = Analysis(read_results(GOLDEN / "records.csv")).relative_improvement.set_index(["dataset", "method"])
    row = table.loc["digits", "darts"]
    assert (row["n_method"], row["n_random"], row["cells"]) == (3, 6, 8)  # 8 cells: the most frequent
    assert [row["mean"], row["std"], row["random_mean"]] == pytest.approx([0.92, 0.02, 0.85])
    assert row["ri"] == pytest.approx(100 * 0.07 / 0.85)
    assert row["ri_median"] == pytest.approx(row["ri"])  # these six are symmetric
    assert row["p"] == pytest.approx(2 * 2 / 84)  # one more arrangement is as high: the two 0.90 are alike
    assert 0 < row["ri_low"] < row["ri"] < row["ri_high"]
    assert row["percentile"] == pytest.approx(100 * (5.5 / 6 + 1 + 1) / 3)  # 0.90 is level with the best of six
    assert row[["percentile_low", "percentile_high"]].isna().all()  # only from 8 against 16 on
    assert row["runs_needed"] == 5
    worse = table.loc["glyphs", "fbnet"]
    assert worse["mean"] == pytest.approx(66.2)  # percentages stay percentages
    smaller, larger = sorted([row["p"], worse["p"]])
    assert [row["p_holm"], worse["p_holm"]] == pytest.approx(
        [2 * smaller if p == smaller else max(larger, 2 * smaller) for p in (row["p"], worse["p"])]
    )
    assert worse["p"] == pytest.approx(2 / 20)  # the least that 3 against 3 can have
    assert (row["verdict"], worse["verdict"]) == ("not distinguishable", "not distinguishable")
    assert row["holm_low"] < 0 < row["holm_high"]
    assert worse[["ri_low", "holm_low"]].isna().all()
    single = table.loc["digits", "random_ws"]
    assert single["verdict"] == "no interval"
    assert single[["std", "ri_low", "ri_high", "p", "p_holm", "runs_needed", "percentile_low"]].isna().all()
    assert single["percentile"] == pytest.approx(100 * 4 / 6)


def test_another_dataset_changes_no_interval(folder, tmp_path):
    fewer = Analysis(read_results(folder)).relative_improvement
    synthetic.make(tmp_path, ("digits", "glyphs", "elpv"))
    more = Analysis(read_results(tmp_path)).relative_improvement
    both = fewer.merge(more, on=["dataset", "space", "method"], suffixes=("", "_more"))
    assert len(both) == len(fewer) == 8
    for name in ("ri", "ri_low", "ri_high", "p"):
        assert (both[name] == both[f"{name}_more"]).all()
    assert (both["p_holm_more"] >= both["p_holm"]).all()


def test_the_planted_effects_are_found(tmp_path):
    synthetic.make(tmp_path, seeds=5, baseline=10)
    table = Analysis(read_results(tmp_path)).relative_improvement.set_index(["dataset", "method"])
    assert table.loc["digits", "darts"]["verdict"] == "better"
    assert table.loc["glyphs", "single_path"]["ri"] < 0
    assert table.loc["digits", "enas"]["verdict"] == "not distinguishable"


def test_without_baseline_or_result_the_row_says_so(tmp_path):
    synthetic.make(tmp_path, ("digits",))
    for path in (tmp_path / "digits/fbnet/random_sampling").iterdir():
        path.unlink()
    for path in (tmp_path / "digits/enas/enas").glob("train-*"):
        path.unlink()
    table = Analysis(read_results(tmp_path)).relative_improvement.set_index("method")
    assert table.loc["fbnet", "verdict"] == "no baseline"
    assert table.loc["enas", "verdict"] == "no result"
    assert table.loc["enas", "n_method"] == 0
    assert "ENAS on Digits, seeds 0 to 2 (not trained)" in failed_runs(Analysis(read_results(tmp_path)).runs)[0]


SKEWED = {
    "lognormal": lambda rng, n: 0.95 - 0.03 * rng.lognormal(0, 0.9, n),
    "beta": lambda rng, n: 0.9 - 0.2 * rng.beta(0.5, 3, n),
    "gamma": lambda rng, n: 0.6 + 0.1 * rng.gamma(1.0, 0.4, n),
}


@pytest.mark.slow
def test_true_nulls_of_a_csv_are_rejected_in_five_of_a_hundred_rows(tmp_path):
    """Of 900 rows, 5 runs against 30 skewed random architectures of the same population: 45 ± 6.5 (binomial)."""
    rng, sizes = np.random.default_rng(7), {"random_sampling": 30, "m": 5}
    lines = [
        (f"d{i}", space, method, seed, accuracy)
        for i in range(300)
        for space, draw in SKEWED.items()
        for method, n in sizes.items()
        for seed, accuracy in enumerate(draw(rng, n))
    ]
    columns = ["dataset", "space", "method", "seed", "accuracy"]
    pd.DataFrame(lines, columns=columns).to_csv(tmp_path / "null.csv", index=False)
    table = Analysis(read_results(tmp_path / "null.csv")).relative_improvement
    rejected = table["p"] <= 0.05
    covered = (table["ri_low"] <= 0) & (table["ri_high"] >= 0)
    assert len(table) == 900 and 26 <= rejected.sum() <= 64
    assert (covered == ~rejected).all()
