"""The statistics of the report: pure functions of numbers, the same bytes on every call.

Two choices, measured on 2,000 simulated normal tables (method and baseline of equal spread):
- The test is Welch's t. An exact permutation test of 3 runs against 6 has 84 arrangements, so its smallest two-sided
  p is 0.024 and nothing could ever survive Holm over a table of 20 rows. Welch rejects a true null at 0.05 in 5.1% of
  the tables at 3 against 6 runs, 5.2% at 8 against 8.
- The interval is the percentile bootstrap, the literature's habit. It is narrow for few runs (it covers 84% at 3
  against 6, 90% at 8 against 8), so the verdict rests on the test and never on the interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from statsmodels.stats.multitest import multipletests

from harness.plan.seeds import seed_of

DRAWS = 10_000
LEVEL = 0.95
ALPHA = 0.05
POWER = 0.8
MOST_RUNS = 1000
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


def _resampled_means(sample: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    return sample[rng.integers(len(sample), size=(DRAWS, len(sample)))].mean(axis=1)


def _ratio(method: ArrayLike, random: ArrayLike) -> NDArray[np.float64]:
    method, random = np.asarray(method, float), np.asarray(random, float)
    return 100 * np.divide(method - random, random, out=np.full_like(method, math.nan), where=random != 0)


def relative_improvement(method: ArrayLike, random: ArrayLike) -> float:
    """RI = 100 (mean(method) - mean(random)) / mean(random), in percent; nan where the baseline's mean is 0.

    Both are accuracies (runs,) in one unit. Yang, Esperança and Carlucci, NAS evaluation is frustratingly hard (2020).
    """
    return float(_ratio(np.mean(np.asarray(method, float)), np.mean(np.asarray(random, float))))


def improvement_interval(method: ArrayLike, random: ArrayLike, /, **axes: str | int) -> tuple[float, float]:
    """95% percentile-bootstrap interval of the RI, in percent: the method's runs and the random architectures are both
    drawn with replacement, 10,000 times. The axes seed it, so that another row in a table changes no interval of the
    others. (nan, nan) where either has fewer than 2 runs."""
    return quantiles(_improvements(method, random, generator(purpose="improvement_interval", **axes)))


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


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down correction: the k-th smallest of m values times m - k + 1, made monotone, at most 1.

    nan stays nan and does not count in m. Holm, A simple sequentially rejective multiple test procedure (1979).
    """
    corrected = np.array(p, float)
    tested = ~np.isnan(corrected)
    if tested.any():
        corrected[tested] = multipletests(corrected[tested], method="holm")[1]
    return corrected.tolist()


def verdict(improvement: float, p_holm: float) -> str:
    """What a reader may say: "better", "worse", "not distinguishable", or "no interval" (fewer than 2 runs)."""
    if math.isnan(p_holm):
        return "no interval"
    if p_holm >= ALPHA or improvement == 0:
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


def _wins(method: ArrayLike, random: ArrayLike) -> NDArray[np.float64]:
    difference = np.subtract.outer(np.atleast_1d(np.asarray(method, float)), np.asarray(random, float))
    return 50 * (1 + np.sign(difference))


def percentile(method: ArrayLike, random: ArrayLike) -> float:
    """Where the runs of a method are among the random architectures, 0 to 100: the share of these below a run, ties
    counted half, averaged over the runs. 50 is what random draws have; it is Mann and Whitney's U / n1 n2."""
    return float(np.mean(_wins(method, random)))


def percentile_interval(method: ArrayLike, random: ArrayLike, /, **axes: str | int) -> tuple[float, float]:
    """95% percentile-bootstrap interval of `percentile`, over the runs and over the random architectures; (nan, nan)
    where either has fewer than 2. It has no width where every run beats, or loses to, every random architecture."""
    wins = _wins(method, random)
    if min(wins.shape) < 2:
        return NO_INTERVAL
    rng = generator(purpose="percentile_interval", **axes)
    drawn = [rng.multinomial(n, np.full(n, 1 / n), size=DRAWS) for n in wins.shape]
    return quantiles((drawn[0] @ wins * drawn[1]).sum(axis=1) / wins.size)


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
