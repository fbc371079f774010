"""Ratios of times, definition over ours: measured in one process by turns, and only where the results are equal."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

import torch
from torch import Tensor

from spaces.base import Size, UserError

TOLERANCES = {torch.float32: 1e-4, torch.float64: 1e-9}  # of logits and images, absolute and relative
LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
"""The memory layouts in which a definition is measured."""
Step = Callable[[int], object]
"""What is timed. It gets the number of its turn."""


class Ratio(NamedTuple):
    """`ratio`: the time of the yardstick divided by ours; `low` and `high`: the smallest and the largest of `n` ratios.

    Where the yardstick is a definition, it is its faster layout, and `layouts` has the ratio to each. `seconds`: of one
    step of ours. `flops`: what one step needs by the definition. `share`: the part of the peak that ours reaches.
    """

    name: str
    ratio: float
    low: float
    high: float
    n: int
    seconds: float
    layouts: dict[str, float] = {}
    flops: int | None = None
    share: float | None = None


@dataclass(frozen=True)
class Scale:
    """The sizes of what is measured, and for how long: after `seconds` no further turn starts."""

    device: torch.device
    search: Size
    batch: int
    evaluation: Size
    evaluation_batch: int
    wide: Size  # of the row of searches at a larger size
    wide_batch: int
    cells: tuple[int, int] = (8, 20)  # of the two rows of evaluation networks
    scored: Size = Size(16, 15, 10, 32)  # of the wider rows of scores: that of the public code
    scored_batch: int = 64
    networks: int = 8  # random architectures per row of networks
    protocol: str = "laptop"  # the size of the rows of trainings, on the dataset digits
    compiled: bool = False  # whether our evaluation networks are compiled by torch.compile
    image: int = 32  # side of the input pipeline's images, in pixels
    images: int = 4096  # of the input pipeline
    turns: int = 3  # smallest number of turns
    seconds: float = 40.0


def equal(name: str, ours: Tensor, definition: Tensor) -> None:
    """UserError where two results differ by more than `TOLERANCES` allows: the ratio of their times would mean
    nothing."""
    allowed = TOLERANCES[ours.dtype]
    try:
        torch.testing.assert_close(ours, definition, rtol=allowed, atol=allowed)
    except AssertionError:
        worst = float((ours - definition).abs().max()) if ours.shape == definition.shape else float("inf")
        raise UserError(
            f"{name}: our results differ from the definition's by {worst:.1e}, allowed is {allowed:g}: "
            "no ratio of unequal things; run pytest to see where"
        ) from None


def turns(steps: Sequence[Step], scale: Scale, alone: bool = True) -> list[tuple[float, ...]]:
    """Seconds of the steps, taken by turns, after one turn that is not counted. On a CPU, steps that use no other
    processes or threads (`alone`) are timed by their processor time, which a busy machine disturbs less."""
    clock = time.process_time if alone and scale.device.type == "cpu" else time.perf_counter
    found: list[tuple[float, ...]] = []
    start = time.perf_counter()
    while len(found) <= scale.turns or time.perf_counter() - start < scale.seconds and len(found) <= 30:
        found.append(tuple(_seconds(step, len(found), scale, clock) for step in steps))
    return found[1:]


def _seconds(step: Step, number: int, scale: Scale, clock: Callable[[], float]) -> float:
    start = clock()
    step(number)
    if scale.device.type == "cuda":
        torch.cuda.synchronize()
    return clock() - start


def summary(
    name: str,
    ratios: Mapping[str, Sequence[float]],
    seconds: float,
    centre: Callable[[Sequence[float]], float] = median,
) -> Ratio:
    """A row of the table. ratios: of each yardstick, of which the one that makes ours look slowest counts; `ratio` is
    their centre."""
    centres = {yardstick: centre(found) for yardstick, found in ratios.items()}
    found = ratios[min(centres, key=centres.__getitem__)]
    return Ratio(name, centre(found), min(found), max(found), len(found), seconds, centres)
