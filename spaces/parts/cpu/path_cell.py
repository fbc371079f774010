"""A cell on one path as one step of autograd: nodes that add two operations each, then a 1x1 convolution of states.

A separable convolution keeps its maps as the convolutions left them, and their reader normalises them. Its second
batch normalisation is applied where the node is added up. In the comments g(x) is the gradient of x.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from spaces.parts.cpu.fused_function import FusedFunction
from spaces.parts.cpu.kernels import EPS, Convolution, Norm, apply, moments, slopes, unapply
from spaces.parts.cpu.layout import as_maps, as_memory

RELU = Norm(relu=True)
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


class Separable:
    """sep_conv: both of its convolutions, and what their gradients need."""

    def __init__(self, rows: Sequence[Tensor]):
        self.units = [unit(rows[:UNIT]), unit(rows[UNIT:])]
        self.convolutions = [Convolution(kernels, matrix.flatten(1)[None]) for kernels, matrix, *_ in self.units]

    def forward(self, x: Tensor, into: Tensor, add: bool) -> None:
        self.maps, self.norms = [x], [RELU]
        for i, convolution in enumerate(self.convolutions):
            raw, mean, inverse = convolution.forward(self.maps[i], self.norms[i])
            self.maps.append(raw)
            self.norms.append(Norm(mean, inverse, *self.units[i][2:], relu=i == 0))
        apply(raw, self.norms[-1], into, add)

    def backward(self, g: Tensor, into: Tensor, add: bool) -> list[Tensor]:
        """g(x) is written to `into` or added to it; the result is g of the rows."""
        gradients: list[Tensor] = []
        sums, between = slopes(self.maps[2], self.norms[2], g), torch.empty_like(self.maps[1])
        for i, to, adds in ((1, between, False), (0, into, add)):
            of_kernels, of_matrix, before = self.convolutions[i].backward(
                self.maps[i], self.norms[i], self.maps[i + 1], self.norms[i + 1], sums, g, to, True, adds
            )
            gradients = [of_kernels.flatten(1), of_matrix[0], sums[:, 1], sums[:, 0], *gradients]
            sums, g = before, between
        return gradients


class Pool:
    """A 3x3 pooling, with the images in the place of channels: in our layout that is torch's channels_last form."""

    def __init__(self, operation: str):
        self.largest = operation == "max_pool_3x3"

    def forward(self, x: Tensor, into: Tensor, add: bool) -> None:
        self.x = x.permute(0, 3, 1, 2)
        if self.largest:
            y, self.indices = F.max_pool2d(self.x, 3, 1, 1, return_indices=True)
        else:
            y = F.avg_pool2d(self.x, 3, 1, 1, count_include_pad=False)
        _put(y.permute(0, 2, 3, 1), into, add)

    def backward(self, g: Tensor, into: Tensor, add: bool) -> list[Tensor]:
        g, window = g.permute(0, 3, 1, 2), ([3, 3], [1, 1], [1, 1])
        if self.largest:
            of_x = torch.ops.aten.max_pool2d_with_indices_backward(g, self.x, *window, [1, 1], False, self.indices)
        else:
            of_x = torch.ops.aten.avg_pool2d_backward(g, self.x, *window, False, False, None)
        _put(of_x.permute(0, 2, 3, 1), into, add)
        return []


class Identity:
    """skip_connect."""

    def forward(self, x: Tensor, into: Tensor, add: bool) -> None:
        _put(x, into, add)

    def backward(self, g: Tensor, into: Tensor, add: bool) -> list[Tensor]:
        _put(g, into, add)
        return []


def _put(x: Tensor, into: Tensor, add: bool) -> None:
    into.add_(x) if add else into.copy_(x)


def _rows(side: Side, banks: Sequence[Tensor]) -> list[Tensor]:
    if side.weights is None:
        return []
    bank, row = side.weights
    return [weights[row] for weights in banks[bank : bank + 2 * UNIT]]


def _operation(side: Side, banks: Sequence[Tensor]) -> Separable | Pool | Identity:
    if side.weights is not None:
        return Separable(_rows(side, banks))
    return Identity() if side.operation == "skip_connect" else Pool(side.operation)


class PathCell(FusedFunction):
    """The output of a cell from its two inputs (images, channels, height, width).

    matrices: (states, outputs, channels), of which those in `ends` are used; scale, shift: (outputs,), of the batch
    normalisation behind them. Then the banks of weights: tensors (rows, …), eight per bank. Then the constants: sides,
    two per node, and ends, the states that are read behind a ReLU.
    """

    @staticmethod
    def plain(first, second, matrices, scale, shift, *rest):
        *banks, sides, ends = rest
        states = [first, second]
        for pair in zip(sides[::2], sides[1::2]):
            states.append(sum(_plain(side, states[side.source], _rows(side, banks)) for side in pair))
        x = F.relu(torch.cat([states[i] for i in ends], 1))
        x = F.conv2d(x, torch.cat([matrices[i] for i in ends], 1)[:, :, None, None])
        return F.batch_norm(x, None, None, scale, shift, True, 0.0, EPS)

    @staticmethod
    def forward(ctx, first, second, matrices, scale, shift, *rest):
        *banks, sides, ends = rest
        states, operations = [as_memory(first), as_memory(second)], [_operation(side, banks) for side in sides]
        for i, (side, operation) in enumerate(zip(sides, operations)):
            if i % 2 == 0:
                states.append(torch.empty_like(states[0]))
            operation.forward(states[side.source], states[-1], i % 2 == 1)
        read = states[0].new_empty(len(ends), *states[0].shape)
        for i, end in enumerate(ends):
            apply(states[end], RELU, read[i])
        matrix = matrices[list(ends)].transpose(0, 1).flatten(1)
        raw = (matrix @ read.flatten(0, 1).flatten(1)).unflatten(1, states[0].shape[1:])
        norm = Norm(*moments(raw), scale, shift)
        ctx.constants, ctx.kept = (sides, ends), (states, operations, read, matrix, raw, norm)
        ctx.save_for_backward(first, second, matrices, scale, shift, *banks)
        return as_maps(apply(raw, norm))

    @staticmethod
    def backward(ctx, g):
        if torch.is_grad_enabled():
            return PathCell.plain_backward(ctx, g)
        (sides, ends), (states, operations, read, matrix, raw, norm) = ctx.constants, ctx.kept
        _, _, matrices, scale, _, *banks = ctx.saved_tensors
        g = as_memory(g)
        sums = slopes(raw, norm, g)
        g = unapply(raw, norm, sums, g).flatten(1)
        of_matrices = torch.zeros_like(matrices)
        of_matrix = g @ read.flatten(0, 1).flatten(1).t()
        of_matrices[list(ends)] = of_matrix.unflatten(1, (len(ends), -1)).transpose(0, 1)
        of_ends = (matrix.t() @ g).view_as(read)
        into: dict[int, Tensor] = {end: unapply(states[end], RELU, None, of_ends[i]) for i, end in enumerate(ends)}
        of_banks = [torch.zeros_like(weights) for weights in banks]
        for i in range(len(sides) - 1, -1, -1):
            side, add = sides[i], sides[i].source in into
            if not add:
                into[side.source] = torch.empty_like(raw)
            gradients = operations[i].backward(into[2 + i // 2], into[side.source], add)
            for k, gradient in enumerate(gradients):
                bank, row = side.weights
                of_banks[bank + k][row] = gradient
        inputs = as_maps(into[0]), as_maps(into[1])
        return *inputs, of_matrices, sums[:, 1].to(scale.dtype), sums[:, 0].to(scale.dtype), *of_banks, None, None


def _plain(side: Side, x: Tensor, rows: Sequence[Tensor]) -> Tensor:
    if side.operation == "skip_connect":
        return x
    if side.operation == "max_pool_3x3":
        return F.max_pool2d(x, 3, 1, 1)
    if side.operation == "avg_pool_3x3":
        return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    for kernels, matrix, scale, shift in (unit(rows[:UNIT]), unit(rows[UNIT:])):
        x = F.conv2d(F.relu(x), kernels, padding=kernels.shape[-1] // 2, groups=len(kernels))
        x = F.batch_norm(F.conv2d(x, matrix), None, None, scale, shift, True, 0.0, EPS)
    return x
