"""Ratios of times, naive form over ours: measured in one process by turns, and only where the results are equal."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

import torch
from torch import Tensor

from spaces.base import Size, UserError

TOLERANCES = {torch.float32: 1e-4, torch.float64: 1e-9}  # of logits and images, absolute and relative


class Ratio(NamedTuple):
    """`ratio`: the naive form's time divided by ours; `low` and `high`: the smallest and the largest of `n` ratios."""

    name: str
    ratio: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Scale:
    """The sizes of what is measured, and for how long: after `seconds` no further pair of calls starts."""

    device: torch.device
    search: Size
    batch: int
    evaluation: Size
    evaluation_batch: int
    cells: tuple[int, int] = (8, 20)  # of the two rows of evaluation networks
    genotypes: int = 8  # evaluation networks per row
    compiled: bool = False  # whether our evaluation networks are compiled by torch.compile
    image: int = 32  # side of the input pipeline's images, in pixels
    images: int = 4096  # of the input pipeline
    pairs: int = 3  # smallest number of pairs
    seconds: float = 40.0


def equal(name: str, ours: Tensor, naive: Tensor) -> None:
    """UserError where two results differ by more than `TOLERANCES` allows: the ratio of their times would mean
    nothing."""
    allowed = TOLERANCES[ours.dtype]
    try:
        torch.testing.assert_close(ours, naive, rtol=allowed, atol=allowed)
    except AssertionError:
        worst = float((ours - naive).abs().max()) if ours.shape == naive.shape else float("inf")
        raise UserError(
            f"{name}: our results differ from the naive form's by {worst:.1e}, allowed is {allowed:g}: "
            "no ratio of unequal things; run pytest to see where"
        ) from None


def pairs(
    ours: Callable[[int], object], naive: Callable[[int], object], scale: Scale, alone: bool = True
) -> list[tuple[float, float]]:
    """Seconds (naive, ours) of pairs of calls, made by turns; each call gets the number of its pair. On a CPU, calls
    that use no other processes or threads (`alone`) are timed by their processor time, which a busy machine disturbs
    less."""
    clock = time.process_time if alone and scale.device.type == "cpu" else time.perf_counter
    found: list[tuple[float, float]] = []
    start = time.perf_counter()
    while len(found) < scale.pairs or time.perf_counter() - start < scale.seconds and len(found) < 30:
        number = len(found)
        found.append((_seconds(naive, number, scale, clock), _seconds(ours, number, scale, clock)))
    return found


def _seconds(step: Callable[[int], object], number: int, scale: Scale, clock: Callable[[], float]) -> float:
    start = clock()
    step(number)
    if scale.device.type == "cuda":
        torch.cuda.synchronize()
    return clock() - start


def summary(name: str, ratios: Sequence[float], centre: Callable[[Sequence[float]], float] = median) -> Ratio:
    """One row of the table; `ratio` is the centre of `ratios`."""
    return Ratio(name, centre(ratios), min(ratios), max(ratios), len(ratios))
