"""The best of k random architectures against enumeration and simulation; what a search's images would have trained."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from harness.analysis import cost_matched
from harness.analysis.analysis import Analysis
from harness.analysis.results import read_results
from tests import synthetic_records as synthetic

SAMPLE = [0.80, 0.82, 0.84, 0.86, 0.88, 0.90]


@pytest.mark.parametrize("k", range(1, 7))
def test_expected_best_is_the_mean_over_all_draws(k):
    every = [max(draw) for draw in itertools.combinations(SAMPLE, k)]
    assert cost_matched.expected_best(SAMPLE[::-1], k) == pytest.approx(np.mean(every), rel=1e-12)


def test_expected_best_at_the_ends():
    assert cost_matched.expected_best(SAMPLE, 1) == pytest.approx(0.85)
    assert cost_matched.expected_best(SAMPLE, 100) == 0.90  # no more is known than the largest
    assert cost_matched.expected_best([0.5, 0.5, 0.7], 2) == pytest.approx((0.5 + 0.7 + 0.7) / 3)


def test_expected_best_is_unbiased():
    """The largest of 3 standard normal draws has mean 3 / (2 sqrt pi)."""
    tables = np.random.default_rng(0).standard_normal((20_000, 8))
    found = np.mean([cost_matched.expected_best(table, 3) for table in tables])
    assert found == pytest.approx(1.5 / math.sqrt(math.pi), abs=0.015)


def test_what_a_search_would_have_trained():
    assert [cost_matched.affordable(images, 2394) for images in (0, 1536, 2394, 4787, 4788)] == [1, 1, 1, 1, 2]


def test_the_best_of_one_is_a_mean_with_students_interval():
    (low, high), gain = cost_matched.best_intervals([0.90, 0.92, 0.94], SAMPLE, 1)
    margin = stats.t.isf(0.025, 5) * stats.sem(SAMPLE)
    assert (low, high) == pytest.approx((0.85 - margin, 0.85 + margin))
    own, best = (stats.sem(sample) / np.mean(sample) for sample in ([0.90, 0.92, 0.94], SAMPLE))
    freedom = (own**2 + best**2) ** 2 / (own**4 / 2 + best**4 / 5)
    margin = stats.t.isf(0.025, freedom) * math.hypot(own, best)
    expected = [100 * (0.92 / 0.85 * math.exp(sign * margin) - 1) for sign in (-1, 1)]
    assert gain == pytest.approx(tuple(expected))


def test_intervals_of_the_best_cover_it():
    """The largest of 2 standard normal draws has mean 1 / sqrt pi; a percentile bootstrap covers 87% at 10."""
    rng, covered = np.random.default_rng(0), 0
    for _ in range(600):
        (low, high), _ = cost_matched.best_intervals([1.0], rng.standard_normal(10), 2)
        covered += low <= 1 / math.sqrt(math.pi) <= high
    assert covered / 600 > 0.9


def test_intervals_are_there_only_up_to_a_fifth():
    assert np.isfinite(cost_matched.best_intervals([0.9, 0.8], SAMPLE * 2, 2)).all()
    assert np.isnan(cost_matched.best_intervals([0.9, 0.8], SAMPLE * 2, 3)).all()


def test_one_run_has_no_interval():
    best, gain = cost_matched.best_intervals([0.9], SAMPLE, 1)
    assert np.isfinite(best).all() and np.isnan(gain).all()
    assert np.isnan(cost_matched.best_intervals([0.9, 0.8], [0.5], 1)).all()


def test_values_that_do_not_vary_or_are_zero():
    assert cost_matched.best_intervals([0.9] * 3, [0.8] * 6, 1)[1] == pytest.approx((12.5, 12.5))
    assert np.isnan(cost_matched.best_intervals([0.9, 0.8], [0.0] * 6, 1)[1]).all()


def test_records_are_matched_by_their_images(tmp_path):
    synthetic.make(tmp_path, ("digits",))  # searches see 6,000 images, retrainings 12,000
    row = Analysis(read_results(tmp_path)).cost_matched.set_index("method").loc["darts"]
    assert (row["search_images"], row["retraining_images"], row["k"]) == (6000, 12000, 1)
    assert (row["n_method"], row["n_random"]) == (3, 8)
    runs = read_results(tmp_path).trainings.query("main and space == 'darts'").groupby("method")["accuracy"]
    assert row["best_random"] == pytest.approx(runs.get_group("random_sampling").mean())
    assert row["gain"] == pytest.approx(100 * (runs.get_group("darts").mean() / row["best_random"] - 1))
    assert row["gain_low"] < row["gain"] < row["gain_high"]


def test_results_without_costs_have_no_rows(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("dataset,space,method,seed,accuracy\nd,s,random_sampling,0,0.8\nd,s,m,0,0.9\n")
    assert not len(Analysis(read_results(path)).cost_matched)
