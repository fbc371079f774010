"""The statistics of the report: pure functions of numbers, the same bytes on every call."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from harness.plan.seeds import seed_of

DRAWS = 10_000
AT_ONCE = 4_000_000
"""Values that a bootstrap draws at a time."""
MANY = 400
"""Values of a sample above which their counts are not drawn at once."""
LEVEL = 0.95
ALPHA = 0.05
POWER = 0.8
MOST_RUNS = 1000
FEWEST_RUNS, FEWEST_RANDOM = 8, 16
"""With fewer, the interval of the percentile does not hold."""
FEWEST_RANKED = 4
"""Architectures without which the ranks of three are left, or fewer, when one is left out."""
ROUNDING = 1e-9
NO_INTERVAL = (math.nan, math.nan)
"""The interval of a quantity that has none."""


def generator(**axes: str | int) -> np.random.Generator:
    """The random numbers of one interval, seeded by what it is an interval of."""
    return np.random.default_rng(seed_of(**axes))


def quantiles(draws: NDArray[np.float64]) -> tuple[float, float]:
    """The middle 95% of a bootstrap's finite draws."""
    finite = draws[np.isfinite(draws)]
    if not len(finite):
        return NO_INTERVAL
    low, high = np.quantile(finite, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _shares(n: int) -> list[int]:
    """Numbers of draws that are made at a time, so that memory does not grow with the size of a sample; all of them
    together are the same draws as those of one go."""
    at_once = max(1, min(DRAWS, AT_ONCE // max(n, 1)))
    return [at_once] * (DRAWS // at_once) + [DRAWS % at_once] * (DRAWS % at_once > 0)


def _resampled_means(sample: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    n = len(sample)
    return np.concatenate([sample[rng.integers(n, size=(draws, n))].mean(axis=1) for draws in _shares(n)])


def _resampled_counts(n: int, draws: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """How often each of n values is among n that are drawn of them, (draws, n). Of many values each is drawn by itself:
    an eighth of the time."""
    if n <= MANY:
        return rng.multinomial(n, np.full(n, 1 / n), size=draws)
    drawn = rng.integers(n, size=(draws, n)) + n * np.arange(draws)[:, None]
    return np.bincount(drawn.ravel(), minlength=draws * n).reshape(draws, n)


def _ratio(method: ArrayLike, random: ArrayLike) -> NDArray[np.float64]:
    method, random = np.asarray(method, float), np.asarray(random, float)
    return 100 * np.divide(method - random, random, out=np.full_like(method, math.nan), where=random != 0)


def relative_improvement(method: ArrayLike, random: ArrayLike) -> float:
    """RI = 100 (mean(method) - mean(random)) / mean(random), in percent; nan where the baseline's mean is 0.

    Both are accuracies (runs,) in one unit. Yang, Esperança and Carlucci, NAS evaluation is frustratingly hard (2020).
    """
    return float(_ratio(np.mean(np.asarray(method, float)), np.mean(np.asarray(random, float))))


def change_interval(
    before: tuple[ArrayLike, ArrayLike], after: tuple[ArrayLike, ArrayLike], /, **axes: str | int
) -> tuple[float, float]:
    """95% percentile-bootstrap interval of how far the RI moved between two (method, random), in points of RI; as
    `improvement_interval`, all four samples drawn anew."""
    rng = generator(purpose="change_interval", **axes)
    return quantiles(_improvements(*after, rng) - _improvements(*before, rng))


def _improvements(method: ArrayLike, random: ArrayLike, rng: np.random.Generator) -> NDArray[np.float64]:
    """Bootstrap draws of the RI; nan where either sample has fewer than 2 values."""
    method, random = np.asarray(method, float), np.asarray(random, float)
    if min(len(method), len(random)) < 2:
        return np.full(1, math.nan)
    return _ratio(_resampled_means(method, rng), _resampled_means(random, rng))


def mean_interval(sample: ArrayLike, /, **axes: str | int) -> tuple[float, float]:
    """95% percentile-bootstrap interval of a mean; (nan, nan) for fewer than 2 values."""
    sample = np.asarray(sample, float)
    if len(sample) < 2:
        return NO_INTERVAL
    return quantiles(_resampled_means(sample, generator(purpose="mean_interval", **axes)))


def difference_test(method: ArrayLike, random: ArrayLike) -> float:
    """Two-sided p of Welch's t-test (unequal variances); nan where either has fewer than 2 runs.

    t = (m1 - m2) / sqrt(s1²/n1 + s2²/n2), degrees of freedom after Welch and Satterthwaite. Where neither sample
    varies, t is undefined: the exact permutation p of two constant samples, 2 / C(n1 + n2, n1), stands in.
    """
    method, random = np.asarray(method, float), np.asarray(random, float)
    if min(len(method), len(random)) < 2:
        return math.nan
    if np.ptp(method) == np.ptp(random) == 0:
        return 1.0 if method[0] == random[0] else 2 / math.comb(len(method) + len(random), len(method))
    moments = [moment for x in (method, random) for moment in (x.mean(), x.std(ddof=1), len(x))]
    return float(stats.ttest_ind_from_stats(*moments, equal_var=False).pvalue)


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Holm's step-down correction over the last axis: the k-th smallest of m values times m - k + 1, made monotone, at
    most 1.

    nan stays nan and does not count in m. Holm, A simple sequentially rejective multiple test procedure (1979). That of
    statsmodels takes one family at a time and 70 ms, which it spends in the garbage collector.
    """
    p = np.asarray(p, float)
    order = np.argsort(p, axis=-1, kind="stable")  # nan last
    left = np.sum(~np.isnan(p), axis=-1, keepdims=True) - np.arange(p.shape[-1])
    ordered = np.minimum(np.maximum.accumulate(np.take_along_axis(p, order, -1) * left, axis=-1), 1.0)
    corrected = np.empty_like(p)
    np.put_along_axis(corrected, order, ordered, -1)
    return corrected


def holm_levels(p: ArrayLike) -> NDArray[np.float64]:
    """The level at which Holm's procedure tests each of m values at 0.05: 0.05 / m for the smallest, 0.05 / (m - 1) for
    the next, until one is not rejected; that one's level for all that follow. nan stays nan.

    A value is at most its level exactly where its corrected one is at most 0.05.
    """
    p = np.asarray(p, float)
    tested, rejected = ~np.isnan(p), holm(p) <= ALPHA
    before = np.argsort(np.argsort(p, kind="stable"))
    levels = ALPHA / np.maximum(tested.sum() - np.minimum(before, rejected.sum()), 1)
    return np.where(tested, levels, math.nan)


def verdict(improvement: float, p_holm: float) -> str:
    """What a reader may say: "better", "worse", "not distinguishable", or "no interval" (fewer than 2 runs, or a
    mean of 0)."""
    if math.isnan(p_holm):
        return "no interval"
    if p_holm > ALPHA or improvement == 0:
        return "not distinguishable"
    return "better" if improvement > 0 else "worse"


def runs_needed(method: ArrayLike, random: ArrayLike) -> float:
    """Runs of the method, and as many random architectures, with which a test at 0.05 finds the difference of the two
    means with 80% power, if the means and spreads seen here are the true ones; inf for more than 1,000, nan where
    either has fewer than 2 runs.

    Power of Welch's two-sided test: t² is noncentral F with 1 and f degrees of freedom and noncentrality
    n (m1 - m2)² / (s1² + s2²), f = (n - 1) (s1² + s2²)² / (s1⁴ + s2⁴). This is for one test: under Holm's
    correction more are needed.
    """
    method, random = np.asarray(method, float), np.asarray(random, float)
    if min(len(method), len(random)) < 2:
        return math.nan
    s1, s2 = method.var(ddof=1), random.var(ddof=1)
    difference = method.mean() - random.mean()
    if s1 + s2 == 0:
        return 2.0 if difference else math.inf
    n = np.arange(2, MOST_RUNS + 1)
    freedom = (n - 1) * (s1 + s2) ** 2 / (s1**2 + s2**2)
    power = stats.ncf.sf(stats.t.isf(ALPHA / 2, freedom) ** 2, 1, freedom, n * difference**2 / (s1 + s2))
    return float(n[np.argmax(power >= POWER)]) if power[-1] >= POWER else math.inf


def percentile(method: ArrayLike, random: ArrayLike) -> float:
    """Where the runs of a method are among the random architectures, 0 to 100: the share of these below a run, ties
    counted half, averaged over the runs. 50 is what random draws have; it is Mann and Whitney's U / n1 n2."""
    method, random = np.atleast_1d(np.asarray(method, float)), np.sort(np.asarray(random, float))
    beaten = [np.searchsorted(random, method, side) for side in ("left", "right")]
    return float(50 * np.sum(beaten) / (len(method) * len(random)))


def percentile_interval(method: ArrayLike, random: ArrayLike, /, **axes: str | int) -> tuple[float, float]:
    """95% percentile-bootstrap interval of `percentile`, over the runs and over the random architectures; (nan, nan)
    for fewer than 8 runs or 16 architectures, where it does not hold. It has no width where every run beats, or loses
    to, every random architecture."""
    method, random = np.asarray(method, float), np.asarray(random, float)
    n, k = len(method), len(random)
    if n < FEWEST_RUNS or k < FEWEST_RANDOM:
        return NO_INTERVAL
    rng, order, wins = generator(purpose="percentile_interval", **axes), np.argsort(random, kind="stable"), []
    below, upto = (np.searchsorted(random[order], method, side) for side in ("left", "right"))
    for draws in _shares(n + k):
        ours, counts = _resampled_counts(n, draws, rng), _resampled_counts(k, draws, rng)[:, order]
        beaten = np.concatenate([np.zeros((draws, 1), counts.dtype), np.cumsum(counts, axis=1)], axis=1)
        wins.append((ours * (beaten[:, below] + beaten[:, upto])).sum(axis=1))
    return quantiles(50.0 * np.concatenate(wins) / (n * k))


def _signs(values: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.where(np.logical_and.outer(known, known), np.sign(np.subtract.outer(values, values)), 0.0)


def _taus(x: ArrayLike, y: ArrayLike, counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Kendall's tau-b of weighted samples: counts (draws, n) says how often each architecture was drawn.

    Two copies of one architecture are no pair, so a draw is a quadratic form in the signs of all differences.
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    known = np.isfinite(x) & np.isfinite(y)
    dx, dy = _signs(x, known), _signs(y, known)
    concordant, pairs_x, pairs_y = ((counts @ form * counts).sum(axis=1) for form in (dx * dy, dx**2, dy**2))
    scale = np.sqrt(pairs_x * pairs_y)
    return np.divide(concordant, scale, out=np.full(len(counts), math.nan), where=scale > 0)


def rank_agreement(pairs: Sequence[tuple[ArrayLike, ArrayLike]], /, **axes: str | int) -> tuple[float, float, float]:
    """(tau, low, high): Kendall's tau-b, averaged over pairs of trainings of the same n architectures, with a 95%
    percentile-bootstrap interval over the architectures.

    pairs: accuracies (n,), (n,), nan where an architecture was not trained. Two depths give the depth gap's tau; two
    repeats at one depth give its ceiling. All nan without two architectures that differ; no interval below three.
    """
    if not pairs:
        return math.nan, *NO_INTERVAL
    n = len(np.asarray(pairs[0][0]))
    draws = generator(purpose="rank_agreement", **axes).multinomial(n, np.full(n, 1 / n), size=DRAWS)
    counts = np.vstack([np.ones((1, n)), draws])
    taus = np.mean([_taus(x, y, counts) for x, y in pairs], axis=0)
    return float(taus[0]), *(quantiles(taus[1:]) if n >= 3 and np.isfinite(taus[0]) else NO_INTERVAL)


def mean_tau(pairs: Sequence[tuple[ArrayLike, ArrayLike]]) -> float:
    """Kendall's tau-b, averaged over pairs as in `rank_agreement`; nan for none. For many architectures too."""
    found = [stats.kendalltau(x, y, nan_policy="omit").statistic for x, y in pairs]
    return float(np.mean(found)) if found else math.nan


def rank_gap(
    tau: Sequence[tuple[ArrayLike, ArrayLike]], ceilings: Sequence[Sequence[tuple[ArrayLike, ArrayLike]]]
) -> tuple[float, float, float, float]:
    """(gap, low, high, p): how far Kendall's tau between two depths lies below the mean of its ceilings, with the 95%
    interval and the two-sided test of a paired difference, both Student's t with the jackknife's standard error.

    tau: pairs as in `rank_agreement`; ceilings: such pairs for each depth that has repeats. Leaving one of n
    architectures out moves tau and ceilings together, so what they share cancels: se² = (n - 1)/n times the sum of
    squares of the n gaps about their mean (Arvesen, Jackknifing U-statistics, 1969); n - 1 degrees of freedom. The
    interval excludes 0 exactly where p < 0.05. All nan without a ceiling, or below four architectures.
    """
    known = [pairs for pairs in ceilings if pairs]
    n = len(np.asarray(tau[0][0])) if tau else 0
    if not known or n < FEWEST_RANKED:
        return math.nan, *NO_INTERVAL, math.nan
    counts = np.vstack([np.ones((1, n)), 1 - np.eye(n)])
    between, *same = (np.mean([_taus(x, y, counts) for x, y in pairs], axis=0) for pairs in (tau, *known))
    gap, *left_out = np.mean(same, axis=0) - between
    error = math.sqrt((n - 1) * np.var(left_out))
    if not math.isfinite(error) or error < ROUNDING:
        return float(gap), *NO_INTERVAL, math.nan
    margin = float(stats.t.isf((1 - LEVEL) / 2, n - 1)) * error
    return float(gap), gap - margin, gap + margin, float(2 * stats.t.sf(abs(gap) / error, n - 1))
