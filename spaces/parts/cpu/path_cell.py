"""A cell on one path as one step of autograd: nodes that add two operations each, then a 1x1 convolution of states."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from spaces.parts.cpu.fused_function import FusedFunction
from spaces.parts.cpu.kernels import EPS
from spaces.parts.cpu.layout import as_maps, as_memory
from spaces.parts.cpu.path_steps import UNIT, Pass, Side, unit


class PathCell(FusedFunction):
    """The output of a cell from its two inputs (images, channels, height, width).

    matrices: (states, outputs, channels), of which those in `ends` are used; scale, shift: (outputs,), of the batch
    normalisation behind them. Then the banks of weights: tensors (rows, …), eight per bank. Then the constants: sides,
    two per node, and ends, the states that are read behind a ReLU, in order.
    """

    @staticmethod
    def plain(first, second, matrices, scale, shift, *rest):
        *banks, sides, ends = rest
        states = [first, second]
        for pair in zip(sides[::2], sides[1::2]):
            states.append(sum(_plain(side, states[side.source], banks) for side in pair))
        x = F.relu(torch.cat([states[i] for i in ends], 1))
        x = F.conv2d(x, torch.cat([matrices[i] for i in ends], 1)[:, :, None, None])
        return F.batch_norm(x, None, None, scale, shift, True, 0.0, EPS)

    @staticmethod
    def forward(ctx, first, second, matrices, scale, shift, *rest):
        *banks, sides, ends = rest
        matrix = matrices[list(ends)].transpose(0, 1).flatten(1)
        steps = Pass((as_memory(first), as_memory(second)), matrix, (scale, shift), banks)
        y = steps.forward(sides, ends)
        ctx.constants, ctx.steps = (sides, ends), steps
        ctx.save_for_backward(first, second, matrices, scale, shift, *banks)
        return as_maps(y)

    @staticmethod
    def backward(ctx, g):
        if torch.is_grad_enabled():
            return PathCell.plain_backward(ctx, g)
        (_, ends), steps = ctx.constants, ctx.steps
        _, _, matrices, scale, shift, *banks = ctx.saved_tensors
        weights = [steps.matrix, scale, shift, *banks]
        sizes = [each.numel() for each in weights]
        offsets = [sum(sizes[:i]) for i in range(len(sizes))]
        flat = g.new_zeros(sum(sizes))
        inputs = steps.backward(as_memory(g), offsets, flat)
        of_matrix, *others = (part.view_as(each) for part, each in zip(flat.split(sizes), weights))
        of_matrices = torch.zeros_like(matrices)
        of_matrices[list(ends)] = of_matrix.unflatten(1, (len(ends), -1)).transpose(0, 1)
        return *map(as_maps, inputs), of_matrices, *others, None, None


def _plain(side: Side, x: Tensor, banks: Sequence[Tensor]) -> Tensor:
    if side.operation == "skip_connect":
        return x
    if side.operation == "max_pool_3x3":
        return F.max_pool2d(x, 3, 1, 1)
    if side.operation == "avg_pool_3x3":
        return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    bank, row = side.weights or (0, 0)
    rows = [weights[row] for weights in banks[bank : bank + 2 * UNIT]]
    for kernels, matrix, scale, shift in (unit(rows[:UNIT]), unit(rows[UNIT:])):
        x = F.conv2d(F.relu(x), kernels, padding=kernels.shape[-1] // 2, groups=len(kernels))
        x = F.batch_norm(F.conv2d(x, matrix), None, None, scale, shift, True, 0.0, EPS)
    return x
