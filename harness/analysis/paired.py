"""Paired differences: the sign-flip permutation test of their mean, and the interval that belongs to it.

Under the null each difference is as likely as its negative. Flipping the signs of a set F of them gives a mean at
least as high as the observed one exactly where the mean of F is at most 0, and the test of a mean d rather than 0 where
it is at most d. So the means of all sets F are where the test's p changes, and the interval's ends are two of them
(Hartigan, Using subsample values as typical values, JASA 1969). It is exact for differences that are symmetric about
their mean.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from harness.analysis.permutation import DRAWS
from harness.analysis.statistics import ALPHA, LEVEL, NO_INTERVAL, ROUNDING
from harness.plan.seeds import seed_of

Array = NDArray[np.float64]


@lru_cache(maxsize=32)
def flips(n: int, most: int = DRAWS) -> Array:
    """(sets, n) of 1 where a difference is flipped; the first is the observed one, of no flips. All 2^n sets where they
    are no more than `most`, else random ones that depend on n alone."""
    if 2**n <= most:
        return (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(float)
    drawn = np.random.default_rng(seed_of(purpose="flips", n=n)).integers(0, 2, (most, n)).astype(float)
    drawn[0] = 0
    return drawn


def sign_flip(differences: ArrayLike) -> tuple[float, float, float]:
    """(p, low, high) of the mean of n differences: two-sided p, twice the smaller tail, and the 95% interval, which
    excludes 0 exactly where p is at most 0.05. All nan below two; no interval below six, where no p can be so small."""
    x = np.asarray(differences, float)
    if len(x) < 2:
        return math.nan, *NO_INTERVAL
    flipped = flips(len(x))
    sizes = flipped.sum(axis=1)
    empty = int(np.sum(sizes == 0))
    means = np.sort((flipped @ x)[sizes > 0] / sizes[sizes > 0])
    slack = ROUNDING * max(1e-300, float(np.abs(x).max()))
    tails = (empty + np.sum(means <= slack), empty + np.sum(means >= -slack))
    p = min(1.0, 2 * float(min(tails)) / len(flipped))
    skipped = math.floor(ALPHA / 2 * len(flipped)) - empty
    if skipped < 0:
        return p, *NO_INTERVAL
    return p, float(means[skipped]), float(means[len(means) - 1 - skipped])


def jackknifed(whole: float, left_out: ArrayLike) -> tuple[float, float]:
    """95% interval of a statistic of n units from its values with one of them left out: Student's t with n - 1 degrees
    of freedom, se² = (n - 1)/n times their sum of squares about their mean (Tukey 1958)."""
    values = np.asarray(left_out, float)
    n = len(values)
    if n < 4 or not np.isfinite(values).all() or not math.isfinite(whole):
        return NO_INTERVAL
    margin = float(stats.t.isf((1 - LEVEL) / 2, n - 1)) * math.sqrt((n - 1) * float(np.var(values)))
    return whole - margin, whole + margin
