"""The primary family: each method over all datasets."""

import math

import numpy as np
import pytest

from harness.analysis.analysis import Analysis
from harness.analysis.results import read_results
from tests import synthetic_records as synthetic

HEADER = "dataset,space,method,seed,accuracy\n"
RUNS = {
    ("a", "random_sampling"): [80, 82, 84, 86],
    ("a", "m"): [90, 91, 92],
    ("a", "once"): [85],
    ("b", "random_sampling"): [0.5, 0.52, 0.56],
    ("b", "m"): [0.5, 0.51],
    ("b", "zero"): [0.0, 0.0],
    ("c", "random_sampling"): [0.5],
    ("c", "m"): [0.6, 0.7],
}


def of(path, runs):
    lines = [f"{d},s,{m},{i},{v}\n" for (d, m), values in runs.items() for i, v in enumerate(values)]
    path.write_text(HEADER + "".join(lines))
    return Analysis(read_results(path)).pooled.set_index("method")


def test_numbers_by_hand(tmp_path):
    table = of(tmp_path / "r.csv", RUNS)
    row = table.loc["m"]
    assert row[["datasets", "n_method", "n_random"]].tolist() == [2, 5, 7]  # c has one random architecture
    ratios = [91 / 83, 0.505 / (1.58 / 3)]
    assert row["ri"] == pytest.approx(100 * (math.sqrt(math.prod(ratios)) - 1))
    assert row["ri_median"] == pytest.approx(100 * (math.sqrt(91 / 83 * 0.505 / 0.52) - 1))
    assert row["ri_low"] < row["ri"] < row["ri_high"]
    assert row["p_holm"] == row["p"]  # the only one of its family
    for name in ("once", "zero"):
        assert table.loc[name, "verdict"] == "no interval" and table.loc[name, "datasets"] == 0
        assert table.loc[name, ["ri", "ri_low", "p"]].isna().all()


def test_many_datasets_decide_what_one_cannot(tmp_path):
    rng = np.random.default_rng(0)
    runs = {}
    for dataset in "abcde":
        runs[dataset, "random_sampling"] = rng.normal(0.8, 0.03, 6).round(4)
        runs[dataset, "m"] = rng.normal(0.85, 0.03, 3).round(4)
    table = of(tmp_path / "r.csv", runs)
    cells = Analysis(read_results(tmp_path / "r.csv")).relative_improvement
    assert table.loc["m", "verdict"] == "better" and table.loc["m", "holm_low"] > 0
    assert set(cells["verdict"]) == {"not distinguishable"}


def test_the_planted_effects_are_found(tmp_path):
    synthetic.make(tmp_path)
    table = Analysis(read_results(tmp_path)).pooled.set_index("method")
    verdicts = table["verdict"].to_dict()
    assert (verdicts["darts"], verdicts["single_path"], verdicts["enas"]) == ("better", "worse", "not distinguishable")
