"""The permutation test of many tables at once, against enumeration and scipy."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from harness.analysis import permutation
from harness.analysis.permutation import Stratum, arrangements, tails, two_sided

METHOD = [0.90, 0.92, 0.945]
RANDOM = [0.80, 0.82, 0.84, 0.861, 0.88, 0.91]


def stratum(method, random, **options):
    dealt = arrangements(len(method), len(random), **options)
    return Stratum.of(np.asarray(method, float)[:, None], np.asarray(random, float)[:, None], dealt)


def t(method, random):
    """The statistic by its formula."""
    m, r = np.mean(method), np.mean(random)
    error = sum(np.var(x, ddof=1) / (len(x) * np.mean(x) ** 2) for x in (method, random))
    return math.log(m / r) / math.sqrt(error)


def test_arrangements_are_all_of_them_or_random_and_the_first_is_the_observed():
    every = arrangements(3, 6).chosen
    assert every.shape == (84, 9) and len(np.unique(every, axis=0)) == 84
    assert every[0].tolist() == [1, 1, 1, 0, 0, 0, 0, 0, 0] and (every.sum(axis=1) == 3).all()
    some = arrangements(8, 16).chosen
    assert some.shape == (permutation.DRAWS, 24) and some[0].tolist() == [1] * 8 + [0] * 16
    assert (some.sum(axis=1) == 8).all() and some[1:].mean(axis=0) == pytest.approx([8 / 24] * 24, abs=0.02)
    assert (some == arrangements.__wrapped__(8, 16).chosen).all()
    assert not (some == arrangements(8, 16, 1).chosen).all()  # another dataset of the same size


def test_tails_are_those_of_enumeration():
    pooled = [*METHOD, *RANDOM]
    every = []
    for own in itertools.combinations(range(9), 3):
        other = [pooled[i] for i in range(9) if i not in own]
        every.append(t([pooled[i] for i in own], other))
    high, low = tails([stratum(METHOD, RANDOM)])
    assert high[0] == pytest.approx(np.mean(np.array(every) >= every[0] - 1e-9))
    assert low[0] == pytest.approx(np.mean(np.array(every) <= every[0] + 1e-9))
    assert two_sided([stratum(METHOD, RANDOM)])[0] == pytest.approx(2 * min(high[0], low[0]))


def test_p_is_scipys():
    rng = np.random.default_rng(1)
    method, random = rng.normal(0.9, 0.02, 4), rng.normal(0.88, 0.03, 7)
    theirs = stats.permutation_test((method, random), t, n_resamples=math.inf).pvalue
    assert two_sided([stratum(method, random)])[0] == pytest.approx(theirs)


def test_many_tables_at_once_are_each_by_itself():
    rng = np.random.default_rng(2)
    method, random = rng.normal(0.9, 0.05, (4, 20)), rng.normal(0.9, 0.05, (7, 20))
    together = two_sided([Stratum.of(method, random, arrangements(4, 7))])
    assert together == pytest.approx([two_sided([stratum(*pair)])[0] for pair in zip(method.T, random.T)])


def test_random_arrangements_come_near_all_of_them():
    rng = np.random.default_rng(3)
    method, random = rng.normal(0.93, 0.05, 5), rng.normal(0.9, 0.05, 10)
    assert two_sided([stratum(method, random, every=False)])[0] == pytest.approx(
        two_sided([stratum(method, random)])[0], abs=0.02
    )


def test_a_factor_multiplies_the_methods_values():
    scaled = two_sided([stratum(0.93 * np.array(METHOD), RANDOM)])
    assert two_sided([stratum(METHOD, RANDOM)], 0.93) == pytest.approx(scaled)


def test_the_unit_changes_nothing():
    percent = [[100 * value for value in sample] for sample in (METHOD, RANDOM)]
    assert two_sided([stratum(*percent)]) == pytest.approx(two_sided([stratum(METHOD, RANDOM)]))


def test_values_that_do_not_vary():
    assert two_sided([stratum([0.9] * 3, [0.8] * 6)])[0] == pytest.approx(2 / 84)
    assert two_sided([stratum([0.9] * 3, [0.9] * 6)])[0] == 1
    assert two_sided([stratum([0.0] * 3, [0.0] * 6)])[0] == 1
    assert two_sided([stratum([0.5, 0.6, 0.7], [0.0] * 6)])[0] == pytest.approx(2 / 84)
    assert two_sided([stratum([0.0] * 3, [0.5, 0.6, 0.7, 0.8, 0.7, 0.6])])[0] == pytest.approx(2 / 84)


@pytest.mark.parametrize(("n", "k"), [(3, 6), (5, 10), (5, 30)])
def test_a_true_null_of_skewed_populations_is_rejected_at_its_level(n, k):
    """Welch's test rejects 9 to 13% at 5 against 30."""
    rng = np.random.default_rng(4)
    method, random = (0.95 - 0.03 * rng.lognormal(0, 0.9, (size, 3000)) for size in (n, k))
    dealt = arrangements(n, k, most=4000)
    assert 0.035 < np.mean(two_sided([Stratum.of(method, random, dealt)]) <= 0.05) < 0.065


@pytest.mark.parametrize(("n", "k", "every"), [(3, 6, True), (8, 16, False), (16, 8, False)])
def test_large_samples_are_added_up_without_a_large_matrix(n, k, every, monkeypatch):
    """The same arrangements and sums, a part at a time; and fewer arrangements where they would be too many."""
    rng = np.random.default_rng(5)
    method, random = rng.normal(0.9, 0.02, (n, 3)), rng.normal(0.88, 0.03, (k, 3))
    small = arrangements.__wrapped__(n, k, every=every)
    monkeypatch.setattr(permutation, "LARGE", 100)
    large = arrangements.__wrapped__(n, k, every=every)
    assert large.chosen.nbytes <= small.chosen.nbytes / 20
    assert (np.unpackbits(large.chosen, axis=1, count=n + k) == small.chosen).all()
    assert two_sided([Stratum.of(method, random, large)]) == pytest.approx(
        two_sided([Stratum.of(method, random, small)])
    )
    monkeypatch.setattr(permutation, "MOST_PLACES", 1500 * n)
    assert len(arrangements.__wrapped__(n, k, every=False).chosen) == 1500
