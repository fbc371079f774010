"""The steps of a plan as rows of integers, field by field as the structs in plan.c have them."""

from __future__ import annotations

import struct
from typing import NamedTuple

import torch
from torch import Tensor

FIELDS = 40
KINDS = (
    *("convolve", "convolve_back", "dense", "dense_back", "pool", "pool_back", "add", "add_back"),
    *("moments", "slopes", "unapply", "take", "clear", "deviation", "shift", "averages"),
)


class Norm(NamedTuple):
    """`norm` in kernels.c: addresses, 0 for what is missing."""

    mean: int = 0
    inverse: int = 0
    weight: int = 0
    bias: int = 0
    relu: int = 0

    def moved(self, distance: int) -> Norm:
        """For the channels from a later one on. distance: in bytes."""
        return Norm(*(address and address + distance for address in self[:4]), self.relu)


class Shape(NamedTuple):
    """`shape` in kernels.c."""

    groups: int
    inputs: int
    outputs: int
    height: int
    width: int
    images: int
    kernel: int
    stride: int
    dilation: int
    channels: int
    reads: int = 0


class Window(NamedTuple):
    """`window` in plan.c."""

    channels: int
    height: int
    width: int
    images: int
    outputs: int
    high: int
    wide: int
    taps_high: int
    taps_wide: int
    top: int
    left: int
    step_height: int
    step_width: int
    tap_height: int
    tap_width: int
    last: int = 0


def bits(number: float) -> int:
    """A double as the integer of the same bits."""
    return int(struct.unpack("q", struct.pack("d", number))[0])


class Steps:
    """A list of steps that grows."""

    def __init__(self) -> None:
        self.rows: list[list[int]] = []

    def add(self, kind: str, *fields: int | tuple[int, ...]) -> None:
        """Structs among the fields are flattened."""
        row = [KINDS.index(kind)]
        for each in fields:
            row.extend(each) if isinstance(each, tuple) else row.append(int(each))
        self.rows.append(row + [0] * (FIELDS - len(row)))

    def table(self) -> Tensor:
        """(steps, FIELDS), int64."""
        return torch.tensor(self.rows, dtype=torch.int64).view(-1, FIELDS)
