"""Fronts and hypervolumes by hand; against random search by the test that judges all; linear models in short."""

import math

import numpy as np
import pandas as pd
import pytest

from harness.analysis.against_search import against_search
from harness.analysis.comparison import Comparison
from harness.analysis.fronts import MEMBERS, front_points, fronts, members
from harness.analysis.regressions import regressions


def run(method, seed, accuracy, macs, dataset="d"):
    return {"dataset": dataset, "space": "s", "method": method, "seed": seed, "accuracy": accuracy, "macs": macs}


RUNS = pd.DataFrame(
    [
        run("random_sampling", 0, 40.0, 100),
        run("random_sampling", 1, 60.0, 50),
        run("m", 0, 70.0, 50),
        run("m", 1, 60.0, 20),
        run("m", 2, 45.0, 90),
    ]
)
NONE = pd.DataFrame(columns=MEMBERS)


def test_hypervolumes_by_hand():
    """Reference: accuracy 50, 100 multiply-adds."""
    frame = fronts(RUNS, NONE).set_index("method")
    row = frame.loc["m"]
    assert (row["reference_accuracy"], row["reference_macs"]) == (50, 100)
    assert (row["n"], row["points"], row["front"]) == (3, 1, 2)
    assert row["hypervolume"] == pytest.approx((20 * 0.5 + 10 * 0.8 + 0) / 3)
    assert 0 <= row["low"] <= row["hypervolume"] <= row["high"] <= 10
    assert row["hypervolume_of_all"] == pytest.approx(20 * 0.5 + 10 * 0.3)
    assert frame.loc["random_sampling", "hypervolume"] == pytest.approx(10 * 0.5 / 2)


def test_a_run_counts_the_front_of_what_it_evaluated():
    more = pd.DataFrame([run("m", 0, 55.0, 10), run("m", 0, 75.0, 80)])
    row = fronts(RUNS, more).set_index("method").loc["m"]
    assert row["points"] == pytest.approx(5 / 3) and row["front"] == 4
    first = 5 * 0.4 + 20 * 0.3 + 25 * 0.2  # from 10 to 50, to 80, to 100
    assert row["hypervolume"] == pytest.approx((first + 10 * 0.8) / 3)


def test_points_of_the_figure():
    points = front_points(RUNS, NONE)
    assert points.groupby("kind").size().to_dict() == {"front": 2, "random": 2, "reference": 1}
    found = points[points["kind"] == "front"][["macs", "accuracy"]].to_numpy().tolist()
    assert found == [[20, 60], [50, 70]]


def test_without_random_architectures_there_is_no_reference():
    assert fronts(RUNS[RUNS["method"] == "m"], NONE).empty
    assert fronts(RUNS.assign(macs=math.nan), NONE).empty


def test_members_come_from_the_records_of_lookups():
    key = {"protocol": "lookup", "dataset": "d", "space": "s", "method": "m", "seed": 3, "main": True}
    made = [{"key": key, "result": {"front": [[0.5, 10], [0.75, 20]]}}, {"key": key, "result": {}}]
    assert [(row["seed"], row["accuracy"], row["macs"]) for row in members(made)] == [(3, 50, 10), (3, 75, 20)]


def test_random_search_is_the_baseline():
    rng = np.random.default_rng(0)
    samples = {"m": rng.normal(0.95, 0.01, 8), "random_search": rng.normal(0.9, 0.01, 10)}
    samples["random_sampling"] = rng.normal(0.7, 0.05, 12)
    rows = [run(name, seed, value, 1) for name, values in samples.items() for seed, value in enumerate(values)]
    rows += [run("alone", seed, 0.5, 1, dataset="e") for seed in range(3)]  # where random search was not run
    searches = pd.DataFrame(
        [{**run(name, 0, 0, 0), "images": images} for name, images in (("m", 500), ("random_search", 1000))]
    )
    frame = against_search(pd.DataFrame(rows), searches)
    assert frame["method"].tolist() == ["m"]
    row = frame.iloc[0]
    assert row["ri"] == pytest.approx(100 * (samples["m"].mean() / samples["random_search"].mean() - 1))
    assert row["p"] == Comparison.of([(samples["m"], samples["random_search"])]).p
    assert (row["verdict"], row["n_method"], row["n_random"], row["images"]) == ("better", 8, 10, 0.5)
    assert math.isnan(against_search(pd.DataFrame(rows), searches.assign(images=0)).iloc[0]["images"])


def test_linear_models_are_those_of_the_last_fit():
    logged = [
        *((0, 9, "accuracy coefficient: 1 conv", 5.0), (0, 12, "accuracy coefficient: 1 conv", 2.0)),
        *((1, 9, "accuracy coefficient: 1 conv", -1.0), (0, 9, "accuracy R2 left out", 0.5), (0, 9, "loss", 1.0)),
    ]
    key = {"dataset": "d", "space": "s", "method": "m"}
    curves = pd.DataFrame([{**key, "seed": s, "epoch": e, "metric": name, "value": v} for s, e, name, v in logged])
    frame = regressions(curves).set_index("term")
    assert sorted(frame.index) == ["1 conv", "R² left out"]
    row = frame.loc["1 conv"]
    assert (row["of"], row["n"], row["mean"], row["positive"]) == ("accuracy", 2, 0.5, 0.5)
    assert regressions(curves.iloc[:0]).empty
