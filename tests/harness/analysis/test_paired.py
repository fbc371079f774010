"""The sign-flip test and its interval by enumeration."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from harness.analysis.paired import flips, jackknifed, sign_flip


def enumerated(x):
    """p by all sign vectors, as it is defined."""
    means = [np.mean(np.array(signs) * x) for signs in itertools.product((1, -1), repeat=len(x))]
    high = np.mean([mean >= np.mean(x) - 1e-12 for mean in means])
    low = np.mean([mean <= np.mean(x) + 1e-12 for mean in means])
    return min(1.0, 2 * min(high, low))


@pytest.mark.parametrize("seed", range(6))
def test_p_is_the_share_of_sign_vectors(seed):
    x = np.random.default_rng(seed).normal(0.4, 1, 8)
    assert sign_flip(x)[0] == pytest.approx(enumerated(x))
    both = stats.permutation_test((x,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip(x)[0] == pytest.approx(both.pvalue)


@pytest.mark.parametrize("n", [6, 9, 12, 20])
def test_the_interval_holds_what_the_test_does_not_reject(n):
    x = np.random.default_rng(n).normal(1, 2, n)
    _, low, high = sign_flip(x)
    for inside in np.linspace(low + 1e-6, high - 1e-6, 7):
        assert sign_flip(x - inside)[0] > 0.05
    for outside in (low - 1e-3, high + 1e-3, low - 5, high + 5):
        assert sign_flip(x - outside)[0] <= 0.05
    assert low < x.mean() < high


def test_ties_and_too_few():
    assert sign_flip([1.0]) == pytest.approx((math.nan,) * 3, nan_ok=True)
    p, low, high = sign_flip([1.0] * 5)
    assert p == 2 / 32 and math.isnan(low) and math.isnan(high)
    assert sign_flip([0.0] * 8)[0] == 1.0
    assert sign_flip([1.0] * 8) == (2 / 256, 1.0, 1.0)


def test_many_differences_are_flipped_at_random_and_always_alike():
    assert len(flips(10)) == 1024 and len({tuple(row) for row in flips(10)}) == 1024
    assert not flips(40)[0].any() and len(flips(40)) == 20_000
    assert np.array_equal(flips(40), flips.__wrapped__(40))


def test_the_interval_covers_and_the_test_keeps_its_level():
    rng = np.random.default_rng(5)
    found = [sign_flip(rng.normal(0, 1, 8)) for _ in range(1500)]
    assert np.mean([p <= 0.05 for p, *_ in found]) == pytest.approx(0.05, abs=0.02)
    assert np.mean([low <= 0 <= high for _, low, high in found]) == pytest.approx(0.95, abs=0.02)


def test_the_jackknife_of_a_mean_is_students_interval():
    x = np.random.default_rng(0).normal(0, 1, 12)
    left_out = [np.delete(x, i).mean() for i in range(12)]
    expected = stats.t.interval(0.95, 11, x.mean(), stats.sem(x))
    assert jackknifed(x.mean(), left_out) == pytest.approx(expected)
