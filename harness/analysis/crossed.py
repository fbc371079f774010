"""Where the spread of a study's accuracies comes from: variants, architectures, their interaction, training seeds.

The design is crossed: every architecture is trained under every variant. What follows for two architectures, and for
the best of many, when each is trained once or a few times.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from harness.analysis.statistics import generator, quantiles

Array = NDArray[np.float64]
Labels = NDArray[np.intp]
"""Of each architecture, the number of the group that it is in."""
DRAWS = 2000
TOP_SHARE, MOST_SEEDS, WORLDS = 0.95, 1024, 4000


def components(values: Array, counts: Array | None = None, groups: Sequence[Labels] = ()) -> Array:
    """(draws, 3 + levels) variances: variant, a column per level, interaction, seed; nan for what the design does not
    have. Levels: `groups`, from coarse to fine, each a label of every architecture, and the architectures themselves.

    values (variants, architectures, repeats), nan where a training is missing; every architecture has one training of
    each variant at least. counts (draws, architectures): how often each is drawn; once where left out. Method of
    moments from the means of the cells: seed variance s² from the repeats inside cells; with r the harmonic mean of
    their numbers, k the architectures in a group of level j and finer levels summed over,
    E MS(interaction at j) = sum k i² + s²/r, E MS(level j) = V sum k a² + sum k i² + s²/r, E MS(variant) = A v² +
    E MS(interaction at the coarsest level), as in Searle, Casella and McCulloch, Variance components, 1992, chapter 4.
    One level is the two-way design. Groups hold equally many architectures; where one is missing, k is their mean.
    Without repeats the interaction is one with the seed's variance, and stands under "interaction". Negative estimates
    are set to 0.
    """
    number = np.sum(np.isfinite(values), axis=2)
    means = np.nanmean(values, axis=2)
    w = np.ones((1, means.shape[1])) if counts is None else np.asarray(counts, float)
    V, A = len(means), w.sum(axis=1)
    free = np.sum(number - 1, axis=0)  # of each architecture
    squares = np.nansum((values - means[:, :, None]) ** 2, axis=(0, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        seed = np.where(w @ free > 0, (w @ squares) / (w @ free), math.nan)
    noise = np.nan_to_num(seed) * (w @ (1 / number).mean(axis=0)) / A
    sizes, main, inter = _mean_squares(means, w, [*groups, np.arange(means.shape[1])])
    if V == 1:
        levels = _steps(main - noise, sizes)
        blank = np.full(len(w), math.nan)
        return _clipped(blank, *levels, blank, seed)
    grand = (w @ means.T) / A[:, None]  # (draws, V)
    variant = (A * grand.var(axis=1, ddof=1) - inter[0]) / A
    levels, together = _steps(main - inter, V * sizes), _steps(inter - noise, sizes)
    return _clipped(variant, *levels, np.maximum(together, 0).sum(axis=0), seed)


def _mean_squares(means: Array, w: Array, levels: Sequence[Labels]) -> tuple[Array, Array, Array]:
    """Of each level: the mean number of architectures in a group of it, and the mean squares of its groups and of
    their interaction with the variants, each (levels, draws). means (variants, architectures), w (draws,
    architectures)."""
    V, draws = len(means), len(w)
    values = np.vstack([means, means.mean(axis=0)]) - means.mean()  # around 0, squares lose no digits
    sizes, main, inter = [], [], []
    above, groups_above = (w @ values.T) ** 2 / w.sum(axis=1)[:, None], np.ones(draws)  # of the grand mean
    for level in levels:
        member = np.equal.outer(level, np.unique(level)).astype(float)  # (architectures, groups)
        weight = (w @ member)[:, None]
        sums = np.stack([(w * row) @ member for row in values], axis=1)  # (draws, V + 1, groups)
        squares = (sums**2 / np.maximum(weight, 1)).sum(axis=2)
        size = len(level) / member.shape[1]
        groups = w.sum(axis=1) / size
        free = np.maximum(groups - groups_above, 1)
        between = squares - above
        sizes.append(np.full(draws, size))
        main.append(V * between[:, V] / free)
        inter.append((between[:, :V].sum(axis=1) - V * between[:, V]) / (free * max(V - 1, 1)))
        above, groups_above = squares, groups
    return np.stack(sizes), np.stack(main), np.stack(inter)


def _steps(mean_squares: Array, sizes: Array) -> Array:
    """What each level adds to the next finer one, per architecture of a group. Both (levels, draws)."""
    return np.diff(-mean_squares, axis=0, append=np.zeros((1, mean_squares.shape[1]))) / sizes


def _clipped(*parts: Array) -> Array:
    return np.maximum(np.stack(parts, axis=1), 0)  # nan stays nan


Interval = tuple[float, float]


def intervals(
    values: Array, groups: Sequence[Labels] = (), fixed: bool = False, **axes: str | int
) -> list[tuple[float, Interval, float, Interval]]:
    """Of each component: (variance, its interval, share, its interval). Percentile bootstrap over architectures: whole
    groups of the coarsest level are drawn, or where that level is `fixed`, those of the next one inside each of its
    groups."""
    n = values.shape[1]
    levels = [*groups, np.arange(n)]
    strata = levels[0] if fixed else np.zeros(n, np.intp)
    drawn = _resampled(strata, levels[fixed], generator(purpose="components", **axes))
    found = np.vstack([components(values, None, groups), components(values, drawn, groups)])
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = found / np.nansum(found, axis=1, keepdims=True)
    return [
        (float(v[0]), quantiles(v[1:]), float(s[0]), quantiles(s[1:])) for v, s in zip(found.T, shares.T, strict=True)
    ]


def _resampled(strata: Labels, units: Labels, rng: np.random.Generator) -> Array:
    """(DRAWS, architectures): how often each is drawn, where units are, within each stratum."""
    counts = np.zeros((DRAWS, len(units)))
    for stratum in np.unique(strata):
        inside = np.unique(units[strata == stratum])
        drawn = rng.multinomial(len(inside), np.full(len(inside), 1 / len(inside)), size=DRAWS)
        for unit, times in zip(inside, drawn.T, strict=True):
            counts[:, (units == unit) & (strata == stratum)] = times[:, None]
    return counts


def swapped(gap: Array | float, architecture: float, seed: float) -> Array:
    """The chance that two architectures that differ by `gap` in one training each have the other order in the next one.

    Both variances are known and normal. Of the gap g that is seen, rho g is expected to be true, rho = a² / (a² + s²);
    the next difference has the variance 2 a² (1 - rho) + 2 s².
    """
    rho = architecture / (architecture + seed) if architecture + seed > 0 else 0.0
    spread = math.sqrt(2 * architecture * (1 - rho) + 2 * seed)
    return np.asarray(stats.norm.cdf(-rho * np.asarray(gap, float) / spread if spread else -math.inf))


def reversals(values: Array) -> tuple[Array, Array]:
    """(gaps, whether the order is the other one in another training) of all pairs of architectures and ordered pairs of
    repeats. values (architectures, repeats). Ties count half."""
    gaps, turned = [], []
    first, second = np.triu_indices(len(values), 1)
    for i, j in ((i, j) for i in range(values.shape[1]) for j in range(values.shape[1]) if i != j):
        seen, again = (values[first, at] - values[second, at] for at in (i, j))
        known = np.isfinite(seen) & np.isfinite(again) & (seen != 0)
        gaps.append(np.abs(seen[known]))
        turned.append((1 - np.sign(seen[known]) * np.sign(again[known])) / 2)
    return (np.concatenate(gaps), np.concatenate(turned)) if gaps else (np.zeros(0), np.zeros(0))


@lru_cache(maxsize=256)
def seeds_for_top(n: int, ratio: float) -> float:
    """The fewest trainings of each of n architectures after which the best mean is the best architecture's in 95% of
    4,000 simulated worlds; inf for more than 1,024. ratio: the seed's over the architectures' standard deviation."""
    rng = generator(purpose="seeds_for_top", n=n)
    truth, noise = rng.standard_normal((WORLDS, n)), rng.standard_normal((WORLDS, n))
    best = truth.argmax(axis=1)

    def right(seeds: int) -> bool:
        return bool(np.mean((truth + ratio * noise / math.sqrt(seeds)).argmax(axis=1) == best) >= TOP_SHARE)

    if not math.isfinite(ratio) or not right(MOST_SEEDS):
        return math.inf
    low, high = 0, MOST_SEEDS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if right(middle) else (middle, high)
    return float(high)


def intraclass(parts: Sequence[float]) -> float:
    """The share of the architectures in the variance of single trainings of one variant."""
    _, architecture, interaction, seed = parts
    between = np.nansum([architecture, interaction])
    return float(between / (between + seed)) if between + seed > 0 else math.nan
