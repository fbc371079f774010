"""The depth gap by hand and against scipy."""

import json
from pathlib import Path

import pandas as pd
import pytest
from scipy import stats

from harness.analysis.analysis import Analysis
from harness.analysis.results import read_results
from tests import synthetic_records as synthetic

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("records")
    synthetic.make(path)
    return path


def test_depth_gap_by_hand():
    table = Analysis(read_results(GOLDEN / "records.csv")).depth_gap
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
    table = Analysis(read_results(folder)).depth_gap
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
    assert row["gap"] == pytest.approx((row["ceiling_small"] + row["ceiling_large"]) / 2 - row["tau"])
    assert row["gap_low"] < row["gap"] < row["gap_high"]
    assert (row["p"] < 0.05) == (not row["gap_low"] <= 0 <= row["gap_high"])
