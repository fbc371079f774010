"""The permutation test of a method against random architectures, of many tables at once.

The statistic is studentised: T = sum of ln(m / r) / sqrt(sum of se²), se² = s_m² / (n m²) + s_r² / (k r²), over the
datasets, of which a cell of the tables has one; m, s_m and n are the mean, standard deviation and number of the runs of
the method, r, s_r and k those of the random architectures. It is exact where both come from one population, however
skewed, and near its level where they differ in spread: Janssen, Studentized permutation tests for non-i.i.d. hypotheses
and the generalized Behrens-Fisher problem (1997).

Within each dataset, values are dealt anew to runs and random architectures: all C(n + k, n) arrangements of one dataset
where they are few, else random ones that depend on n, k and the dataset's number alone. p is twice the smaller tail, so
"better" and "worse" are each wrong in 2.5% at 0.05.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.plan.seeds import seed_of

Array = NDArray[np.float64]
DRAWS = 20_000
"""Arrangements at most, the observed one among them."""
FEWEST = 1_000
"""Random arrangements at least, however large the samples are."""
LARGE = 8_000_000
"""Numbers that are held at a time for arrangements of large samples: 64 MB."""
MOST_PLACES = 50_000_000
"""Places of values that the arrangements of one dataset name at most."""
NEGLIGIBLE = 1e-12
"""Relative variances of means below this are rounding: values that do not vary keep a finite statistic."""
SAME = 1e-7
"""Statistics that differ by less, relatively, are ties: sums in another order."""
UNBOUNDED = 40.0
"""Log ratios beyond this are those of a mean of 0."""


@dataclass(frozen=True)
class Dealt:
    """Which of n + k values each arrangement deals to the method; the first is the observed one. `chosen`: 1.0 where a
    value is dealt to it, else 0.0, (arrangements, n + k); of large samples in bits, which are unpacked a part at a
    time."""

    chosen: NDArray[Any]
    values: int

    @classmethod
    def of(cls, bits: NDArray[np.uint8], values: int) -> Dealt:
        return cls(bits if len(bits) * values > LARGE else _unpacked(bits, values), values)

    def sums(self, values: Array, first: int = 0) -> Array:
        """(..., arrangements, tables): the sums of those of the values (..., values, tables) that are dealt to the
        method. The values take the places from `first` on; all others are 0."""
        places, rows = slice(first, first + values.shape[-2]), max(1, LARGE // self.values)
        shares = (self.chosen[start : start + rows] for start in range(0, len(self.chosen), rows))
        return np.concatenate([_unpacked(share, self.values)[:, places] @ values for share in shares], axis=-2)


def _unpacked(chosen: NDArray[Any], values: int) -> Array:
    return np.unpackbits(chosen, axis=1, count=values).astype(float) if chosen.dtype == np.uint8 else chosen


@lru_cache(maxsize=32)
def arrangements(n: int, k: int, stratum: int = 0, most: int = DRAWS, every: bool = True) -> Dealt:
    """All C(n + k, n) where `every` and no more than `most`, else the observed one and `most` - 1 random ones; fewer
    where n is so large that they would take too long."""
    if every and math.comb(n + k, n) <= most:
        return Dealt.of(_bits(np.array(list(combinations(range(n + k), n))), n + k), n + k)
    rng = np.random.default_rng(seed_of(purpose="arrangements", n=n, k=k, stratum=stratum))
    most = max(FEWEST, min(most, MOST_PLACES // n))
    rows = max(1, LARGE // (n + k))
    shares = [min(rows, most - start) for start in range(0, most, rows)]
    drawn = [_bits(_lowest(rng.random((share, n + k), dtype=np.float32), n), n + k) for share in shares]
    drawn[0][:1] = _bits(np.arange(n)[None], n + k)
    return Dealt.of(np.concatenate(drawn), n + k)


def _lowest(keys: NDArray[np.float32], n: int) -> NDArray[np.intp]:
    """The places of the n lowest keys of each row."""
    return np.argpartition(keys, min(n, keys.shape[1] - 1), axis=1)[:, :n]


def _bits(places: NDArray[np.intp], values: int) -> NDArray[np.uint8]:
    """A bit for each of so many values: whether it is among the places (arrangements, n)."""
    chosen = np.zeros((len(places), values), bool)
    np.put_along_axis(chosen, places, True, axis=1)
    return np.packbits(chosen, axis=1)


@dataclass(frozen=True)
class Stratum:
    """One dataset of many tables: sums of values and of their squares. Of what each arrangement deals to the method, as
    far as it is the method's (`own`) and the random architectures' (`other`), (2, arrangements, tables); of all values
    of the two (`all_own`, `all_other`), (2, 1, tables)."""

    n: int
    k: int
    own: Array
    other: Array
    all_own: Array
    all_other: Array

    @classmethod
    def of(cls, method: Array, random: Array, dealt: Dealt) -> Stratum:
        """method (n, tables), random (k, tables), dealt: `arrangements`."""
        n, k = len(method), len(random)
        own, other = (np.stack([sample, sample**2]) for sample in (method, random))
        sums = own.sum(axis=1, keepdims=True), other.sum(axis=1, keepdims=True)
        return cls(n, k, dealt.sums(own), dealt.sums(other, first=n), *sums)

    def log_ratio(self, factor: float = 1.0) -> tuple[Array, Array]:
        """(ln(m / r), se²), each (arrangements, tables), with the method's values multiplied by `factor`."""
        scale = np.array([factor, factor**2])[:, None, None]
        first = self.own * scale + self.other
        second = np.maximum(self.all_own * scale + self.all_other - first, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.log(first[0] / self.n) - np.log(second[0] / self.k)
            error = _relative_variance(first, self.n) + _relative_variance(second, self.k)
        return _finite(ratio, UNBOUNDED), error


def _relative_variance(sums: Array, n: int) -> Array:
    """s² / (n mean²) of n values from their sum and their sum of squares; 0 where all are 0."""
    return _finite(np.maximum(n * sums[1] / sums[0] ** 2 - 1, 0) / (n - 1))


def _finite(values: Array, bound: float | None = None) -> Array:
    """0 in the place of nan, the bound (the largest number) in that of infinity: nan_to_num, which takes longer than
    all the arithmetic here, only where there is something to replace."""
    return values if np.isfinite(values).all() else np.nan_to_num(values, posinf=bound, neginf=bound and -bound)


def statistic(strata: Sequence[Stratum], factor: float = 1.0) -> Array:
    """T (arrangements, tables); the first row is the observed one's."""
    ratios, errors = zip(*(stratum.log_ratio(factor) for stratum in strata))
    return np.sum(ratios, axis=0) / np.sqrt(np.maximum(np.sum(errors, axis=0), NEGLIGIBLE))


def tails(strata: Sequence[Stratum], factor: float = 1.0) -> tuple[Array, Array]:
    """(share of arrangements with T as high as observed or higher, as low or lower), each (tables,)."""
    every = statistic(strata, factor)
    observed = every[0]
    slack = SAME * (1 + np.abs(observed))
    return np.mean(every >= observed - slack, axis=0), np.mean(every <= observed + slack, axis=0)


def two_sided(strata: Sequence[Stratum], factor: float = 1.0) -> Array:
    """p (tables,): twice the smaller tail."""
    return np.minimum(1.0, 2 * np.minimum(*tails(strata, factor)))
