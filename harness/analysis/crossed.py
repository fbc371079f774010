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
COMPONENTS = ("variant", "architecture", "interaction", "seed")
DRAWS = 2000
TOP_SHARE, MOST_SEEDS, WORLDS = 0.95, 1024, 4000


def components(values: Array, counts: Array | None = None) -> Array:
    """(draws, 4) variances in the order of COMPONENTS; nan for what the design does not have.

    values (variants, architectures, repeats), nan where a training is missing; every architecture has one training of
    each variant at least. counts (draws, architectures): how often each is drawn; once where left out. Method of
    moments from the means of the cells: seed variance s² from the repeats inside cells; with r the harmonic mean of
    their numbers, E MS(interaction) = i² + s²/r, E MS(architecture) = V a² + i² + s²/r, E MS(variant) = A v² + i² +
    s²/r (Searle, Casella and McCulloch, Variance components, 1992, chapter 4). Without repeats the interaction is one
    with the seed's variance, and stands under "interaction". Negative estimates are set to 0.
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
    by_arch, by_variant = means.mean(axis=0), (w @ means.T) / A[:, None]  # (A,), (draws, V)
    grand = by_variant.mean(axis=1)
    ms_arch = V * (w @ by_arch**2 - A * grand**2) / np.maximum(A - 1, 1)
    if V == 1:
        blank = np.full(len(w), math.nan)
        return _clipped(blank, ms_arch - noise, blank, seed)
    total = w @ (means**2).sum(axis=0) - A * V * grand**2
    ss_variant = A * ((by_variant - grand[:, None]) ** 2).sum(axis=1)
    ms_inter = (total - ss_variant - (A - 1) * ms_arch) / np.maximum((A - 1) * (V - 1), 1)
    variant, arch = (ss_variant / (V - 1) - ms_inter) / A, (ms_arch - ms_inter) / V
    return _clipped(variant, arch, ms_inter - noise, seed)


def _clipped(*parts: Array) -> Array:
    return np.maximum(np.stack(parts, axis=1), 0)  # nan stays nan


def intervals(values: Array, **axes: str | int) -> list[tuple[float, tuple[float, float], float, tuple[float, float]]]:
    """Of each component: (variance, its interval, share, its interval). Percentile bootstrap over architectures."""
    n = values.shape[1]
    drawn = generator(purpose="components", **axes).multinomial(n, np.full(n, 1 / n), size=DRAWS)
    found = np.vstack([components(values), components(values, drawn.astype(float))])
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = found / np.nansum(found, axis=1, keepdims=True)
    return [
        (float(v[0]), quantiles(v[1:]), float(s[0]), quantiles(s[1:])) for v, s in zip(found.T, shares.T, strict=True)
    ]


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
