"""Variance components against hand-computed designs, closed formulas, and simulated tables of known truth."""

import numpy as np
import pandas as pd
import pytest

from harness.analysis import variance
from harness.analysis.results import TRAININGS


def trainings(rows, unit=1.0):
    """rows: (dataset, arch, accuracy)."""
    frame = pd.DataFrame(rows, columns=["dataset", "arch", "accuracy"])
    frame = frame.assign(space="darts", method="random_sampling", seed=range(len(frame)), cells=8, status="done")
    frame["accuracy"] *= unit
    return frame.reindex(columns=TRAININGS).astype({"cells": "Int64"})


def by_component(frame, dataset):
    return frame[frame["dataset"] == dataset].set_index("component")


def test_balanced_one_way_by_hand():
    """Means 2, 6, 10 of two trainings each: mean squares 32 between, 2 inside; (32 - 2) / 2 = 15."""
    values, degrees = variance.components([1, 3, 5, 7, 9, 11], [list("aabbcc")])
    assert values == pytest.approx([15, 2])
    assert degrees.tolist() == [2, 3]


def test_unbalanced_one_way_by_hand():
    """n0 = (N - sum n² / N) / (a - 1) = (5 - 13 / 5) / 1 = 2.4; means 2 and 8, grand mean 4.4 (3 and 2 trainings)."""
    values, _ = variance.components([1, 2, 3, 7, 9], [list("aaabb")])
    within = (1 + 0 + 1 + 1 + 1) / 3
    between = 3 * (2 - 4.4) ** 2 + 2 * (8 - 4.4) ** 2
    assert values == pytest.approx([(between - within) / 2.4, within])


def test_unbalanced_nested_design_against_the_closed_formulas():
    """Two-stage nested analysis of variance with k1, k2, k3 as in Searle et al., chapter 5.2."""
    rng = np.random.default_rng(0)
    a = np.array([0] * 7 + [1] * 4 + [2] * 6)
    b = np.array([0, 0, 0, 1, 1, 2, 2, 3, 3, 3, 4, 5, 5, 6, 7, 7, 7])
    y = rng.standard_normal(17) * 2 + a
    frame = pd.DataFrame({"a": a, "b": b, "y": y})
    n, n_a, n_b = len(y), frame.groupby("a")["y"], frame.groupby(["a", "b"])["y"]
    error = ((y - n_b.transform("mean")) ** 2).sum() / (n - 8)
    in_a = ((n_b.mean() - n_a.mean()) ** 2 * n_b.size()).sum() / (8 - 3)
    of_a = ((n_a.mean() - y.mean()) ** 2 * n_a.size()).sum() / (3 - 1)
    square = (n_b.size() ** 2).groupby("a").sum() / n_a.size()
    k1 = (n - square.sum()) / (8 - 3)
    k2 = (square.sum() - (n_b.size() ** 2).sum() / n) / (3 - 1)
    k3 = (n - (n_a.size() ** 2).sum() / n) / (3 - 1)
    second = (in_a - error) / k1
    values, degrees = variance.components(y, [a, b])
    assert values == pytest.approx([(of_a - error - k2 * second) / k3, second, error])
    assert degrees.tolist() == [2, 5, 9]


def test_components_are_unbiased_on_simulated_tables():
    """4,000 unbalanced tables with variances 9, 4, 1."""
    rng = np.random.default_rng(1)
    a = np.repeat(np.arange(5), [6, 9, 3, 6, 6])
    b = np.repeat(np.arange(12), [3, 3, 3, 3, 3, 2, 1, 3, 3, 1, 4, 1])
    drawn = [
        3 * rng.standard_normal((4000, 5))[:, a] + 2 * rng.standard_normal((4000, 12))[:, b],
        rng.standard_normal((4000, len(a))),
    ]
    values = np.array([variance.components(row, [a, b])[0] for row in sum(drawn)])
    error = values.std(axis=0) / np.sqrt(len(values))
    assert (np.abs(values.mean(axis=0) - [9, 4, 1]) < 4 * error).all()
    assert (error < 0.15).all()  # the test is sharp: 4 errors are 6% of the largest


def test_a_constant_far_from_zero_costs_no_digits():
    values, _ = variance.components(1e6 + np.array([1, 3, 5, 7, 9, 11]), [list("aabbcc")])
    assert values == pytest.approx([15, 2])


def test_repeats_tell_architecture_and_seed_apart():
    rows = [("digits", arch, 50 + value) for arch, value in zip("aabbcc", [1, 3, 5, 7, 9, 11])]
    frame = by_component(variance.variance(trainings(rows)), "digits")
    assert frame["variance"].to_dict() == pytest.approx({"architecture": 15, "training seed": 2})
    assert frame["n"].to_dict() == {"architecture": 3, "training seed": 6}
    assert frame["share"].tolist() == pytest.approx([15 / 17, 2 / 17])
    assert frame["deviation"].tolist() == pytest.approx([15**0.5, 2**0.5])
    fractions = by_component(variance.variance(trainings(rows, unit=0.01)), "digits")
    assert fractions["variance"].tolist() == pytest.approx([15, 2])  # points², whatever the unit


def test_without_repeats_architecture_and_seed_stay_together():
    rows = [(name, arch, level + i) for name, level in (("x", 40), ("y", 60)) for i, arch in enumerate("abc")]
    frame = variance.variance(trainings(rows))
    assert frame["component"].tolist() == ["dataset", "architecture and training seed"]
    assert frame["variance"].tolist() == pytest.approx([200 - 1 / 3, 1])  # (3 * 200 - 1) / 3; 1
    assert frame["n"].tolist() == [2, 6]
    assert not len(variance.variance(trainings(rows[:3])))  # one dataset, nothing trained twice: nothing to take apart


def test_the_same_text_on_another_dataset_is_another_architecture():
    rows = [(name, arch, v) for name in "xy" for arch, v in zip("aabb", [50.0, 52, 60, 62])]
    frame = variance.variance(trainings(rows))
    assert by_component(frame, "all")["n"].to_dict() == {"dataset": 2, "architecture": 4, "training seed": 8}


def test_a_negative_estimate_is_set_to_0_and_marked():
    rows = [("digits", arch, value) for arch, value in zip("aabb", [50.0, 60, 51, 59])]
    frame = by_component(variance.variance(trainings(rows)), "digits")
    assert frame.loc["architecture", ["variance", "deviation", "share"]].tolist() == [0, 0, 0]
    assert frame["negative"].to_dict() == {"architecture": True, "training seed": False}
