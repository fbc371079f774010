"""The passes of a cell on one path as lists of steps that `plan.c` replays.

Separable convolutions keep their maps as the convolutions left them; whoever reads them normalises them. States that
the last convolution reads lie one behind another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from spaces.parts.cpu.build import library
from spaces.parts.cpu.kernels import TYPES
from spaces.parts.cpu.plan.steps import Norm, Shape, Steps, Window

RELU = Norm(relu=1)
UNIT = 4
"""Tensors of the weights of one ReLU, depthwise convolution, 1x1 convolution and batch normalisation."""


def unit(weights: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """(kernels (channels, 1, k, k), matrix (outputs, channels, 1, 1), scale, shift) from the weights of a reader, whose
    kernels are (channels, k^2) and whose matrix is (outputs, channels)."""
    kernels, matrix, scale, shift = weights
    side = math.isqrt(kernels.shape[1])
    return kernels.view(-1, 1, side, side), matrix[:, :, None, None], scale, shift


class Side(NamedTuple):
    """One summand of a node. `weights`: the number of its bank, the first of two times four tensors, and its row in
    each of them; for an operation without weights None."""

    source: int
    operation: str
    weights: tuple[int, int] | None


class Pass:
    """The steps of a cell, forward and back. What is stored is an address: the maps of the states, of each side what
    its gradient needs, and the result of the last convolution."""

    def __init__(self, inputs: Sequence[Tensor], matrix: Tensor, affine: Sequence[Tensor], banks: Sequence[Tensor]):
        """inputs: maps (channels, height, width, images); matrix: (outputs, states that are read * channels)."""
        self.inputs, self.matrix, self.affine, self.banks = inputs, matrix, affine, banks
        self.channels, self.height, self.width, self.images = inputs[0].shape
        self.bytes = inputs[0].numel() * inputs[0].element_size()
        self.kept: list[Tensor] = []
        self.steps = Steps()

    def room(self, shape: Sequence[int], dtype: torch.dtype | None = None) -> Tensor:
        self.kept.append(self.inputs[0].new_empty(shape, dtype=dtype))
        return self.kept[-1]

    def maps(self, count: int = 1) -> int:
        return self.room((count, *self.inputs[0].shape)).data_ptr()

    def replay(self, gradients: int = 0) -> None:
        table = self.steps.table()
        library(TYPES[self.inputs[0].dtype]).replay(table.data_ptr(), len(table), gradients)
        self.steps = Steps()

    # ---- forward ----

    def forward(self, sides: Sequence[Side], ends: Sequence[int]) -> Tensor:
        """The normalised result of the last convolution."""
        self.sides, self.ends, self.read = sides, ends, self.maps(len(ends))
        self.states = [x.data_ptr() for x in self.inputs]
        for end in ends:
            if end < len(self.inputs):
                self._add(self.states[end], Norm(), self._slot(self.read, end), False)
        self.needs: list[tuple[int, ...]] = []
        for i, side in enumerate(sides):
            if i % 2 == 0:
                node = len(self.states)
                self.states.append(self._slot(self.read, node) if node in ends else self.maps())
            self.needs.append(self._side(side, self.states[side.source], self.states[-1], i % 2 == 1))
        self.raw, (mean, inverse) = self.maps(), self._pair()
        self.norm = Norm(mean, inverse, *(each.data_ptr() for each in self.affine))
        self.steps.add("dense", self._last(), self.read, RELU, self.matrix.data_ptr(), self.raw, mean, inverse)
        result = torch.empty_like(self.inputs[0])
        self._add(self.raw, self.norm, result.data_ptr(), False)
        self.replay()
        return result

    def _side(self, side: Side, x: int, node: int, add: bool) -> tuple[int, ...]:
        """(raw maps, mean, 1 / deviation of both convolutions), or the result of a pooling, or nothing."""
        if side.weights is not None:
            kept: list[int] = []
            reads = RELU
            for i in (0, 1):
                kernels, matrix, scale, shift = self._weights(side, i)
                x, reads, at = self.maps(), Norm(*self._pair(), scale, shift, relu=i == 0), (x, reads, kernels, matrix)
                self.steps.add("convolve", self._shape(side, i), *at, x, *reads[:2])
                kept += [x, *reads[:2]]
            self._add(x, reads, node, add)
            return tuple(kept)
        if side.operation == "skip_connect":
            self._add(x, Norm(), node, add)
            return ()
        pooled = self.maps()
        self.steps.add("pool", self._window(), x, Norm(), pooled, self._average(side), 0)
        self._add(pooled, Norm(), node, add)
        return (pooled,)

    def _add(self, x: int, norm: Norm, to: int, add: bool) -> None:
        self.steps.add("add", self.channels, self.height * self.width, self.images, x, norm, 0, to, add)

    # ---- back ----

    def backward(self, g: Tensor, offsets: Sequence[int], into: Tensor) -> list[Tensor]:
        """The gradients of the inputs. Those of weights are written to `into`, at `offsets`: of the matrix, the scale
        and the shift of the last convolution, then of every bank."""
        of_matrix, of_scale, of_shift, *self.offsets = offsets
        of_read = self.maps(len(self.ends))
        sums = self._slopes(self.raw, self.norm, g.data_ptr(), of_scale, of_shift)
        at = self.read, RELU, self.matrix.data_ptr(), self.raw, self.norm, sums, g.data_ptr()
        self.steps.add("dense_back", self._last(), *at, of_read, False, 0, of_matrix)
        self.gradients = {end: self._slot(of_read, end) for end in self.ends}
        results = []
        for i in range(len(self.inputs)):
            results.append(self.room(self.inputs[i].shape))
            if i in self.gradients:
                self._add(self.gradients[i], Norm(), results[i].data_ptr(), False)
                self.gradients[i] = results[i].data_ptr()
        for i in range(len(self.sides) - 1, -1, -1):
            self._side_back(self.sides[i], self.needs[i], self.gradients[2 + i // 2], results)
        self.replay(into.data_ptr())
        return results

    def _side_back(self, side: Side, needs: tuple[int, ...], g: int, results: Sequence[Tensor]) -> None:
        source, x, add = side.source, self.states[side.source], side.source in self.gradients
        if not add:
            self.gradients[source] = results[source].data_ptr() if source < len(results) else self.maps()
        to = self.gradients[source]
        if side.weights is not None:
            self._separable_back(side, needs, g, to, add)
        elif side.operation == "skip_connect":
            sizes = self.channels, self.height * self.width, self.images
            self.steps.add("add_back", *sizes, x, Norm(), 0, g, to, add)
        else:
            self.steps.add("pool_back", self._window(), x, Norm(), *needs, g, to, add, self._average(side), 0)

    def _separable_back(self, side: Side, needs: tuple[int, ...], g: int, to: int, add: bool) -> None:
        x, (first, *inner), (second, *outer) = self.states[side.source], needs[:3], needs[3:]
        (k1, m1, *affine1), (k2, m2, *affine2) = self._weights(side, 0), self._weights(side, 1)
        norm1, norm2 = Norm(*inner, *affine1, relu=1), Norm(*outer, *affine2)
        (gk1, gm1, *given1), (gk2, gm2, *given2) = self._places(side, 0), self._places(side, 1)
        between, sums1 = self.maps(), self._sums()
        sums2 = self._slopes(second, norm2, g, *given2)
        at = first, norm1, k2, m2, second, norm2, sums2, g, between, False, sums1, gk2, gm2
        self.steps.add("convolve_back", self._shape(side, 1), *at)
        self.steps.add("take", self.channels, sums1, *given1)
        at = x, RELU, k1, m1, first, norm1, sums1, between, to, add, 0, gk1, gm1
        self.steps.add("convolve_back", self._shape(side, 0), *at)

    def _slopes(self, x: int, norm: Norm, g: int, of_scale: int, of_shift: int) -> int:
        sums = self._sums()
        self.steps.add("slopes", self.channels, self.height * self.width * self.images, x, norm, g, sums)
        self.steps.add("take", self.channels, sums, of_scale, of_shift)
        return sums

    # ---- sizes and places ----

    def _slot(self, maps: int, state: int) -> int:
        """Where a state lies among those that the last convolution reads."""
        return maps + self.ends.index(state) * self.bytes

    def _sums(self) -> int:
        return self.room((2 * self.channels,), torch.float64).data_ptr()

    def _pair(self) -> tuple[int, int]:
        mean, inverse = self.room((2, self.channels))
        return mean.data_ptr(), inverse.data_ptr()

    def _weights(self, side: Side, i: int) -> list[int]:
        """The addresses of the four weights of one of a side's two units."""
        bank, row = side.weights or (0, 0)
        return [weights[row].data_ptr() for weights in self.banks[bank + UNIT * i : bank + UNIT * (i + 1)]]

    def _places(self, side: Side, i: int) -> list[int]:
        """The offsets of their gradients."""
        bank, row = side.weights or (0, 0)
        range_ = slice(bank + UNIT * i, bank + UNIT * (i + 1))
        return [at + row * weights[0].numel() for at, weights in zip(self.offsets[range_], self.banks[range_])]

    def _shape(self, side: Side, i: int) -> Shape:
        bank, _ = side.weights or (0, 0)
        kernel = math.isqrt(self.banks[bank + UNIT * i].shape[2])
        sizes = self.height, self.width, self.images
        return Shape(1, self.channels, self.channels, *sizes, kernel, 1, 1, self.channels)

    def _window(self) -> Window:
        sizes = self.height, self.width
        return Window(self.channels, *sizes, self.images, self.channels, *sizes, 3, 3, -1, -1, 1, 1, 1, 1)

    def _last(self) -> Window:
        sizes, channels = (self.height, self.width), self.channels
        return Window(len(self.ends) * channels, *sizes, self.images, channels, *sizes, 1, 1, 0, 0, 1, 1, 1, 1)

    def _average(self, side: Side) -> bool:
        return side.operation == "avg_pool_3x3"
