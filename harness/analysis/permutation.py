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

import numpy as np
from numpy.typing import NDArray

from harness.plan.seeds import seed_of

Array = NDArray[np.float64]
DRAWS = 20_000
"""Arrangements at most, the observed one among them."""
FEWEST = 1_000
"""Random arrangements at least, however large the samples are."""
LARGE = 8_000_000
"""Numbers that are held at a time for arrangements of large samples."""
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
    """Which values each arrangement deals to the method; the first is the observed one. `places`, (arrangements, n) of
    whole numbers below n + k; `chosen`, (arrangements, n + k) of 1 where a value is dealt to the method and 0
    elsewhere, only where it is small enough to keep: sums are then products of matrices."""

    places: NDArray[np.int32]
    chosen: Array | None

    def sums(self, values: Array, first: int = 0) -> Array:
        """(..., arrangements, tables): the sums of those of the values (..., values, tables) that are dealt to the
        method. The values take the places from `first` on; all others are 0."""
        if self.chosen is not None:
            return self.chosen[:, first : first + values.shape[-2]] @ values
        return (
            np.stack([self._gathered(of, first) for of in values]) if values.ndim > 2 else self._gathered(values, first)
        )

    def _gathered(self, values: Array, first: int) -> Array:
        """A row of zeros stands for all places that hold none of the values."""
        padded = np.vstack([values, np.zeros((1, values.shape[1]))])
        rows = max(1, LARGE // max(1, self.places.shape[1] * values.shape[1]))
        sums = []
        for start in range(0, len(self.places), rows):
            places = self.places[start : start + rows].astype(np.int64) - first
            places[(places < 0) | (places >= len(values))] = len(values)
            sums.append(padded[places].sum(axis=1))
        return np.concatenate(sums)


@lru_cache(maxsize=32)
def arrangements(n: int, k: int, stratum: int = 0, most: int = DRAWS, every: bool = True) -> Dealt:
    """All C(n + k, n) where `every` and no more than `most`, else the observed one and `most` - 1 random ones; fewer
    where n is so large that they would not fit into memory."""
    if every and math.comb(n + k, n) <= most:
        places = np.array(list(combinations(range(n + k), n)), np.int32)
    else:
        rng = np.random.default_rng(seed_of(purpose="arrangements", n=n, k=k, stratum=stratum))
        most = max(FEWEST, min(most, MOST_PLACES // n))
        rows = max(1, LARGE // (n + k))
        shares = [min(rows, most - start) for start in range(0, most, rows)]
        places = np.concatenate([_lowest(rng.random((share, n + k), dtype=np.float32), n) for share in shares])
        places[0] = range(n)
    chosen = None
    if len(places) * (n + k) <= LARGE:
        chosen = np.zeros((len(places), n + k))
        np.put_along_axis(chosen, places.astype(np.int64), 1.0, axis=1)
    return Dealt(places, chosen)


def _lowest(keys: NDArray[np.float32], n: int) -> NDArray[np.int32]:
    """The places of the n lowest keys of each row."""
    return np.argpartition(keys, min(n, keys.shape[1] - 1), axis=1)[:, :n].astype(np.int32)


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
        return np.nan_to_num(ratio, nan=0.0, posinf=UNBOUNDED, neginf=-UNBOUNDED), error


def _relative_variance(sums: Array, n: int) -> Array:
    """s² / (n mean²) of n values from their sum and their sum of squares; 0 where all are 0."""
    return np.nan_to_num(np.maximum(n * sums[1] / sums[0] ** 2 - 1, 0) / (n - 1))


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
