"""Inverted residuals on `_kernels`: those of a stack of FBNet's blocks, and of Single-Path's superkernel. Each is two
steps of autograd, in front of and behind the maps that the projection reads.

Maps lie as (channels, height, width, images) and look like (images, channels, height, width). A gradient that nobody
asks for is not computed: a step of the architecture needs none of weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from spaces._kernels import EPS, Convolution, Norm, apply, moments, slopes, unapply
from spaces._steps import Step, as_maps, as_memory

Sizes = Sequence[tuple[int, int, int]]
"""(groups, outputs of a group, inputs of a group) of 1x1 convolutions side by side."""


def normalised(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    return F.batch_norm(x, None, None, scale, shift, True, 0.0, EPS)


class Run(NamedTuple):
    """Depthwise kernels of one size, beside each other. They read x, or of the expanded maps those that no run in front
    reads. `reads`: the number of the map that each kernel reads, where the first does not read the first, and so on."""

    channels: int
    side: int
    expanded: bool
    reads: Tensor | None = None


class Hidden(Step):
    """Expansion and depthwise convolution, each normalised, its positive part.

    x: (images, inputs, height, width); matrix (expanded, inputs), scale, shift: the expansion's, or None; kernels: flat,
    one run's behind the other's; last_scale, last_shift: (channels); runs; stride.
    """

    @staticmethod
    def plain(x, matrix, scale, shift, kernels, last_scale, last_shift, runs, stride):
        hidden = None if matrix is None else F.relu(normalised(F.conv2d(x, matrix[:, :, None, None]), scale, shift))
        y = []
        for run, taps, _, part in parts(runs, kernels):
            maps = hidden[:, part] if run.expanded else x
            maps = maps if run.reads is None else maps[:, run.reads]
            y.append(F.conv2d(maps, taps, None, stride, run.side // 2, groups=run.channels))
        return F.relu(normalised(torch.cat(y, 1), last_scale, last_shift))

    @staticmethod
    def forward(ctx, x, matrix, scale, shift, kernels, last_scale, last_shift, runs, stride):
        memory, hidden, before = as_memory(x), None, Norm()
        if matrix is not None:
            hidden = (matrix @ memory.flatten(1)).view(-1, *memory.shape[1:])
            before = Norm(*moments(hidden), scale, shift, relu=True)
        y, found = memory.new_empty(len(last_scale), *(-(-side // stride) for side in x.shape[2:]), len(x)), []
        for run, taps, own, part in parts(runs, kernels):
            read = (hidden[part], of_channels(before, part)) if run.expanded else (memory, Norm())
            found.append(Convolution(taps, None, stride, reads=run.reads).forward(*read, y[own])[1:])
        mean, inverse = map(torch.cat, zip(*found))
        ctx.constants = runs, stride
        arguments = x, matrix, scale, shift, kernels, last_scale, last_shift
        ctx.save_for_backward(*arguments, hidden, *before[:2], y, mean, inverse)
        return as_maps(apply(y, Norm(mean, inverse, last_scale, last_shift, relu=True)))

    @staticmethod
    def backward(ctx, g):
        if torch.is_grad_enabled():
            return Hidden.again(ctx, g)
        x, matrix, scale, shift, kernels, last_scale, last_shift, hidden, *statistics, y, mean, inverse = ctx.saved_tensors
        (runs, stride), (for_x, for_matrix, _, _, train, *_) = ctx.constants, ctx.needs_input_grad
        before = Norm(*statistics, scale, shift, relu=True)
        after = Norm(mean, inverse, last_scale, last_shift, relu=True)
        memory, g = as_memory(x), as_memory(g)
        sums = slopes(y, after, g)
        into = torch.zeros_like(memory) if for_x else None
        for_hidden = None if matrix is None else torch.empty_like(hidden)
        for_kernels, before_sums = [], []
        for run, taps, own, part in parts(runs, kernels):
            behind = y[own], of_channels(after, own), sums[own], g[own]
            backward = Convolution(taps, None, stride, reads=run.reads).backward
            if run.expanded:
                found = backward(hidden[part], of_channels(before, part), *behind, for_hidden[part], train)
                before_sums.append(found[2])
            else:
                fed = torch.zeros_like(memory) if for_x else None
                found = backward(memory, Norm(), *behind, fed, train)
                into = into.add_(fed) if for_x else None
            for_kernels.append(found[0])
        in_front = None, None, None
        if matrix is not None:
            before_sums = torch.cat(before_sums)
            g = unapply(hidden, before._replace(relu=False), before_sums, for_hidden, for_hidden).flatten(1)
            if for_x:
                into.flatten(1).addmm_(matrix.t(), g)
            in_front = (memory.flatten(1) @ g.t()).t() if for_matrix else None, *of_affine(before_sums, y)
        for_kernels = torch.cat([taps.flatten() for taps in for_kernels]) if train else None
        return as_maps(into) if for_x else None, *in_front, for_kernels, *of_affine(sums, y), None, None


def parts(runs: Sequence[Run], kernels: Tensor) -> Iterator[tuple[Run, Tensor, slice, slice | None]]:
    """Of each run its kernels, (channels, 1, side, side), its channels, and those of the expanded maps that it reads."""
    start = expanded = 0
    for run, taps in zip(runs, kernels.split([run.channels * run.side**2 for run in runs])):
        own, start = slice(start, start + run.channels), start + run.channels
        part = slice(expanded, expanded + run.channels) if run.expanded else None
        expanded += run.channels * run.expanded
        yield run, taps.view(-1, 1, run.side, run.side), own, part


def of_channels(norm: Norm, part: slice) -> Norm:
    return Norm(*(each[part] for each in norm[:4]), norm.relu)


class Project(Step):
    """The sum of 1x1 convolutions, each of its own channels and normalised, weighted by the mix.

    x: (images, all inputs, height, width); mix: a weight for each, or None for 1; weights: flat, one convolution's
    behind the other's; scale, shift: (all outputs); sizes.
    """

    @staticmethod
    def plain(x, mix, weights, scale, shift, sizes):
        parts = zip(x.split([groups * inputs for groups, _, inputs in sizes], 1), matrices(weights, sizes), sizes)
        z = [F.conv2d(part, m.flatten(0, 1)[:, :, None, None], groups=groups) for part, m, (groups, *_) in parts]
        z = normalised(torch.cat(z, 1), mixed(scale, mix), mixed(shift, mix))
        return z.unflatten(1, (len(sizes), -1)).sum(1)

    @staticmethod
    def forward(ctx, x, mix, weights, scale, shift, sizes):
        memory = as_memory(x)
        z = memory.new_empty(len(scale), *memory.shape[1:])
        for m, part, out in zip(matrices(weights, sizes), inputs(memory, sizes), outputs(z, sizes)):
            torch.bmm(m, part, out=out)
        statistics = moments(z)
        y = memory.new_empty(len(z) // len(sizes), *memory.shape[1:])
        apply(z, Norm(*statistics, mixed(scale, mix), mixed(shift, mix)), y)
        ctx.constants = (sizes,)
        ctx.save_for_backward(x, mix, weights, scale, shift, z, *statistics)
        return as_maps(y)

    @staticmethod
    def backward(ctx, g):
        if torch.is_grad_enabled():
            return Project.again(ctx, g)
        x, mix, weights, scale, shift, z, *statistics = ctx.saved_tensors
        (sizes,), (for_x, for_mix, train, *_) = ctx.constants, ctx.needs_input_grad
        norm, g, memory = Norm(*statistics, mixed(scale, mix), mixed(shift, mix)), as_memory(g), as_memory(x)
        sums = slopes(z, norm, g)
        g = outputs(unapply(z, norm, sums, g), sizes)
        into = torch.empty_like(memory) if for_x else None
        if for_x:
            for m, to, part in zip(matrices(weights, sizes), g, inputs(into, sizes)):
                torch.bmm(m.transpose(1, 2), to, out=part)
        for_weights = torch.empty_like(weights) if train else None
        if train:
            for m, to, part in zip(matrices(for_weights, sizes), g, inputs(memory, sizes)):
                torch.bmm(to, part.transpose(1, 2), out=m)
        found = of_affine(sums, z)
        share = (scale * found[0] + shift * found[1]).view(len(sizes), -1).sum(1) if for_mix else None
        return as_maps(into) if for_x else None, share, for_weights, *(mixed(f, mix) for f in found), None


def mixed(affine: Tensor, mix: Tensor | None) -> Tensor:
    return affine if mix is None else (affine.view(len(mix), -1) * mix[:, None]).flatten()


def of_affine(sums: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of scale and shift from `slopes`."""
    shift, scale = like.new_empty(2, len(sums)).copy_(sums.t())
    return scale, shift


def matrices(weights: Tensor, sizes: Sizes) -> list[Tensor]:
    """(groups, outputs, inputs) of each convolution."""
    ends = accumulate(groups * outputs * inputs for groups, outputs, inputs in sizes)
    return [weights[end - g * o * i : end].view(g, o, i) for end, (g, o, i) in zip(ends, sizes)]


def inputs(x: Tensor, sizes: Sizes) -> list[Tensor]:
    """(groups, inputs, pixels of all images) of each convolution."""
    parts = x.flatten(1).split([groups * inputs for groups, _, inputs in sizes])
    return [part.unflatten(0, (groups, -1)) for part, (groups, *_) in zip(parts, sizes)]


def outputs(z: Tensor, sizes: Sizes) -> list[Tensor]:
    """(groups, outputs, pixels of all images) of each convolution."""
    parts = z.flatten(1).chunk(len(sizes))
    return [part.unflatten(0, (groups, -1)) for part, (groups, *_) in zip(parts, sizes)]
