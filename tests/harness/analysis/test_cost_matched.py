"""The best of k random architectures against enumeration and simulation; what a search's images would have trained."""

import itertools
import math

import numpy as np
import pytest

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


def test_intervals_are_the_bootstrap_of_both_samples():
    method, random = [0.90, 0.92, 0.94], SAMPLE[:4]
    (low, high), gain = cost_matched.best_intervals(method, random, 2, dataset="digits")
    drawn = np.array(np.meshgrid(*[random] * 4)).reshape(4, -1).T  # all 4^4 resamples
    best = np.array([cost_matched.expected_best(draw, 2) for draw in drawn])
    assert (low, high) == pytest.approx(tuple(np.quantile(best, [0.025, 0.975])), abs=0.003)
    runs = np.array(np.meshgrid(*[method] * 3)).reshape(3, -1).mean(axis=0)
    exact = 100 * (np.divide.outer(runs, best).ravel() - 1)
    assert gain == pytest.approx(tuple(np.quantile(exact, [0.025, 0.975])), abs=0.3)
    assert cost_matched.best_intervals(method, random, 2, dataset="digits") == ((low, high), gain)


def test_one_run_has_no_interval():
    best, gain = cost_matched.best_intervals([0.9], SAMPLE, 2)
    assert np.isfinite(best).all() and np.isnan(gain).all()
    assert np.isnan(cost_matched.best_intervals([0.9, 0.8], [0.5], 2)).all()


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
