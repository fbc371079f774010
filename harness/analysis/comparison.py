"""One method against random architectures: the ratio of their accuracies, the test, and the interval, which is the same
test turned round: it holds every ratio by which the method's runs can be divided such that the test does not reject."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from harness.analysis.permutation import UNBOUNDED, Stratum, arrangements, two_sided
from harness.analysis.statistics import ALPHA, NO_INTERVAL, holm, holm_levels, verdict

UNDEFINED = "RI undefined"
"""The verdict where the random architectures' mean is 0: nothing can be relative to it."""
SIGNIFICANT = ("better", "worse")
"""Verdicts that are drawn filled and set bold."""
STEPS = 30
"""Halvings of a bracket: finer than the digits of any table."""


@dataclass(frozen=True)
class Comparison:
    """`log_ratio`: ln(mean of the method / mean of random), averaged over datasets; `p`: two-sided."""

    strata: tuple[Stratum, ...]
    log_ratio: float
    p: float

    @classmethod
    def of(cls, samples: Sequence[tuple[ArrayLike, ArrayLike]]) -> Comparison | None:
        """samples: (accuracies of the method's runs, of the random architectures) of each dataset, in any unit that the
        two share; None without a dataset, where a sample has fewer than 2 values, and where the mean of random is 0:
        there is no ratio to it."""
        pairs = [(np.asarray(method, float), np.asarray(random, float)) for method, random in samples]
        if not pairs or min(len(sample) for pair in pairs for sample in pair) < 2:
            return None
        if not all(random.any() for _, random in pairs):
            return None
        strata = []
        for number, (method, random) in enumerate(pairs):
            dealt = arrangements(len(method), len(random), number, every=len(pairs) == 1)
            strata.append(Stratum.of(method[:, None], random[:, None], dealt))
        observed = [stratum.log_ratio()[0][0, 0] for stratum in strata]
        return cls(tuple(strata), float(np.mean(observed)), float(two_sided(strata)[0]))

    @property
    def improvement(self) -> float:
        """In percent."""
        return _percent(self.log_ratio)

    def interval(self, level: float = ALPHA, significant: bool | None = None) -> tuple[float, float]:
        """Of the improvement, in percent: what is not rejected at `level`; none where there are too few arrangements to
        reject anything, or where a mean is 0.

        `significant`: whether an improvement of 0 is rejected. The search for each bound starts there, so the interval
        excludes 0 exactly where it is, whatever the shape of the test on the way.
        """
        significant = self.p <= level if significant is None else significant
        if abs(self.log_ratio) >= UNBOUNDED:
            return NO_INTERVAL
        low, high = (_percent(self._bound(level, side, significant)) for side in (-1, 1))
        return (low, high) if math.isfinite(low) and math.isfinite(high) else NO_INTERVAL

    def _bound(self, level: float, side: int, significant: bool) -> float:
        """The log ratio at which rejection begins, below (side -1) or above (1) the observed one."""

        def rejected(log_ratio: float) -> bool:
            return float(two_sided(self.strata, math.exp(-log_ratio))[0]) <= level

        if significant and side * self.log_ratio < 0:
            return _edge(rejected, self.log_ratio, 0.0)
        inside, step = side * max(side * self.log_ratio, 0.0), 0.01
        while not rejected(inside + side * step):
            step *= 2
            if step > UNBOUNDED:
                return math.inf
        return _edge(rejected, inside, inside + side * step)


def _edge(rejected: Callable[[float], bool], inside: float, outside: float) -> float:
    """The last value that is not rejected on the way from `inside`, which is not, to `outside`, which is."""
    for _ in range(STEPS):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if rejected(middle) else (middle, outside)
    return inside


def _percent(log_ratio: float) -> float:
    return 100 * math.expm1(log_ratio)


def judged(family: Sequence[Comparison | None]) -> list[dict[str, float | str]]:
    """Of each comparison of a family: p and its 95% interval (low, high), which excludes 0 exactly where p <= 0.05;
    p_holm, corrected over the family, its verdict, and the interval (holm_low, holm_high) at the level at which Holm's
    procedure tests this row, which excludes 0 exactly where the verdict is better or worse."""
    p = [comparison.p if comparison else math.nan for comparison in family]
    rows: list[dict[str, float | str]] = []
    for comparison, own, corrected, level in zip(family, p, holm(p).tolist(), holm_levels(p).tolist()):
        improvement = comparison.improvement if comparison else math.nan
        row = {"p": own, "p_holm": corrected, "verdict": verdict(improvement, corrected)}
        names = (("low", "high"), ("holm_low", "holm_high"))
        both = [(ALPHA, own <= ALPHA), (level, corrected <= ALPHA)]
        for ends, (at, significant) in zip(names, both):
            row |= dict(zip(ends, comparison.interval(at, significant) if comparison else NO_INTERVAL))
        rows.append(row)
    return rows
