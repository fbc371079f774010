"""Ranks across datasets against numbers worked out by hand, published ones, and scipy."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from harness.analysis import ranking
from harness.plan.jobs import RANDOM

RI = {  # dataset: darts, enas, fbnet; random sampling is 0
    "a": (3.0, 1.0, -2.0),
    "b": (2.0, 4.0, -1.0),
    "c": (5.0, 0.0, -3.0),  # enas and random sampling share ranks 2 and 3
    "d": (-1.0, 2.0, 1.0),
}
BY_HAND = {"darts": (1 + 2 + 1 + 4) / 4, "enas": (2 + 1 + 2.5 + 1) / 4, "fbnet": 3.5, RANDOM: (3 + 3 + 2.5 + 3) / 4}


def improvement(ri=RI):
    rows = [(name, method, method, value) for name, values in ri.items() for method, value in zip(BY_HAND, values)]
    return pd.DataFrame(rows, columns=["dataset", "method", "space", "ri"])


def test_average_ranks_by_hand():
    frame = ranking.ranking(improvement()).set_index("method")
    assert frame["rank"].to_dict() == pytest.approx(BY_HAND)
    assert list(frame.index) == ["enas", "darts", RANDOM, "fbnet"]  # best first
    assert set(frame["datasets"]) == {4}
    assert frame.loc["enas", "space"] == "enas" and frame.loc[RANDOM, "space"] == "every space"


def test_improvements_that_differ_in_their_last_bits_share_a_rank():
    assert ranking.average_ranks([[0.1 + 0.2, 0.3, 1.0]]).tolist() == [[2.5, 2.5, 1.0]]


def test_friedman_by_hand_and_against_scipy():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((7, 4))
    ranks = ranking.average_ranks(values)
    # chi² = 12 N / (k (k + 1)) (sum of squared average ranks - k (k + 1)² / 4), k - 1 degrees of freedom
    chi = 12 * 7 / 20 * ((ranks.mean(axis=0) ** 2).sum() - 4 * 25 / 4)
    assert ranking.friedman(ranks) == pytest.approx(stats.chi2.sf(chi, 3))
    assert ranking.friedman(ranks) == pytest.approx(stats.friedmanchisquare(*values.T).pvalue)
    assert math.isnan(ranking.friedman(ranks[:, :2])) and math.isnan(ranking.friedman(ranks[:1]))
    assert math.isnan(ranking.friedman(np.full((5, 3), 2.0)))


@pytest.mark.parametrize(("methods", "q"), [(2, 1.960), (3, 2.343), (5, 2.728), (10, 3.164)])
def test_critical_difference_is_the_published_one(methods, q):
    """Demšar (2006), table 5a."""
    ranks = ranking.average_ranks(np.random.default_rng(0).standard_normal((14, methods)))
    difference, p = ranking.nemenyi(ranks)
    assert difference == pytest.approx(q * math.sqrt(methods * (methods + 1) / (6 * 14)), rel=3e-4)
    means = ranks.mean(axis=0)
    assert ((p < 0.05) == (np.abs(np.subtract.outer(means, means)) > difference)).all()
    assert (p == p.T).all() and np.diag(p) == pytest.approx(1)


def test_two_methods_have_the_p_of_a_normal_deviate():
    """Of two means the studentized range is sqrt 2 times a normal deviate."""
    ranks = np.array([[1.0, 2.0]] * 6 + [[2.0, 1.0]] * 2)
    expected = 2 * stats.norm.sf(0.5 / math.sqrt(2 * 3 / (6 * 8)))
    assert ranking.nemenyi(ranks)[1][0, 1] == pytest.approx(expected)


def test_interval_draws_whole_datasets():
    ranks = ranking.average_ranks([(*values, 0.0) for values in RI.values()])
    every = np.array(np.meshgrid(*[range(4)] * 4)).reshape(4, -1).T  # all 4^4 resamples
    exact = np.quantile(ranks[every].mean(axis=1), [0.025, 0.975], axis=0).T
    assert np.array(ranking.rank_intervals(ranks)) == pytest.approx(exact, abs=0.26)  # means move in steps of 1/4
    assert ranking.rank_intervals(ranks) == ranking.rank_intervals(ranks)
    assert np.isnan(ranking.rank_intervals(ranks[:1])).all()


def test_only_datasets_in_which_every_method_has_a_result_count():
    frame = improvement()
    frame.loc[(frame["dataset"] == "d") & (frame["method"] == "fbnet"), "ri"] = math.nan
    assert set(ranking.ranking(frame)["datasets"]) == {3}
    assert list(ranking.complete(frame).index) == ["a", "b", "c"]
    assert not len(ranking.ranking(frame.iloc[:0]))


def test_one_dataset_has_ranks_and_nothing_else():
    frame = ranking.ranking(improvement({"a": RI["a"]}))
    assert frame["rank"].tolist() == [1, 2, 3, 4]
    assert frame[["rank_low", "rank_high", "p_random", "p_friedman", "difference"]].isna().all(axis=None)


def test_bars_of_a_diagram_by_hand():
    assert ranking.cliques([1.0, 2.0, 2.5, 4.0], 1.6) == [(0, 2), (2, 3)]
    assert ranking.cliques([1.0, 2.0, 3.0], 0.5) == []
    assert ranking.cliques([1.0, 2.0, 3.0], 5) == [(0, 2)]
    assert ranking.cliques([1.0, 2.0], math.nan) == []


def test_a_planted_winner_is_found_and_equals_are_not():
    """20 datasets: a method far ahead differs from random sampling; tables without an effect reject at about 5%."""
    rng = np.random.default_rng(1)
    won = {f"d{i}": tuple(rng.standard_normal(3) + [6, 0, 0]) for i in range(20)}
    frame = ranking.ranking(improvement(won)).set_index("method")
    assert frame.loc["darts", "rank"] == 1 and frame.loc["darts", "p_random"] < 0.001
    tables = np.concatenate([rng.standard_normal((1000, 20, 3)), np.zeros((1000, 20, 1))], axis=2)
    rejected = np.mean([ranking.friedman(ranking.average_ranks(table)) < 0.05 for table in tables])
    assert rejected == pytest.approx(0.05, abs=0.02)
