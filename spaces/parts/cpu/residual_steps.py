"""Inverted residuals on `_kernels`: those of a stack of FBNet's blocks, and of Single-Path's superkernel. Each is two
steps of autograd, in front of and behind the maps that the projection reads.

Maps lie as (channels, height, width, images) and look like (images, channels, height, width). A gradient that nobody
asks for is not computed: a step of the architecture needs none of weights.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.parts.cpu.kernels import EPS, Convolution, Norm, apply, moments, slopes, unapply, usable
from spaces.parts.cpu.steps import Step, as_maps, as_memory

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

    x: (images, inputs, height, width); matrix (expanded, inputs, 1, 1), scale, shift: the expansion's, or None;
    kernels: one run's behind the other's; last_scale, last_shift: (channels); runs; stride.
    """

    @staticmethod
    def plain(x, matrix, scale, shift, kernels, last_scale, last_shift, runs, stride):
        hidden = None if matrix is None else F.relu(normalised(F.conv2d(x, matrix), scale, shift))
        y = []
        for run, taps, _, part in parts(runs, kernels):
            maps = hidden[:, part] if run.expanded else x
            maps = maps if run.reads is None else maps[:, run.reads]
            y.append(F.conv2d(maps, taps, None, stride, run.side // 2, groups=run.channels))
        return F.relu(normalised(torch.cat(y, 1), last_scale, last_shift))

    @staticmethod
    def forward(ctx, x, matrix, scale, shift, kernels, last_scale, last_shift, runs, stride):
        memory, hidden = as_memory(x), None
        if matrix is not None:
            hidden = (matrix.flatten(1) @ memory.flatten(1)).view(-1, *memory.shape[1:])
        raw = memory.new_empty(len(last_scale), *(-(-side // stride) for side in x.shape[2:]), len(x))
        y, norms = torch.empty_like(raw), []
        for run, taps, own, part in parts(runs, kernels):
            maps, before = memory, Norm()
            if run.expanded:
                maps = hidden[part]
                before = Norm(*moments(maps), scale[part], shift[part], relu=True)
            _, *statistics = Convolution(taps, None, stride, reads=run.reads).forward(maps, before, raw[own])
            after = Norm(*statistics, last_scale[own], last_shift[own], relu=True)
            apply(raw[own], after, y[own])
            norms.append((before, after))
        ctx.constants, ctx.norms = (runs, stride), norms
        ctx.save_for_backward(x, matrix, scale, shift, kernels, last_scale, last_shift, hidden, raw)
        return as_maps(y)

    @staticmethod
    def backward(ctx, g):
        if torch.is_grad_enabled():
            return Hidden.again(ctx, g)
        x, matrix, _, _, kernels, _, _, hidden, raw = ctx.saved_tensors
        (runs, stride), (for_x, for_matrix, _, _, train, *_) = ctx.constants, ctx.needs_input_grad
        memory, g = as_memory(x), as_memory(g)
        into = torch.zeros_like(memory) if for_x else None
        for_hidden = None if matrix is None else torch.empty_like(hidden)
        for_kernels, first, last = [], [], []
        for (run, taps, own, part), (before, after) in zip(parts(runs, kernels), ctx.norms):
            convolution, sums = Convolution(taps, None, stride, reads=run.reads), slopes(raw[own], after, g[own])
            behind = raw[own], after, sums, g[own]
            if run.expanded:
                maps, to = hidden[part], for_hidden[part]
                taps, _, before_sums = convolution.backward(maps, before, *behind, to, train)
                unapply(maps, before._replace(relu=False), before_sums, to, to)
                first.append(before_sums)
            else:
                taps, *_ = convolution.backward(memory, before, *behind, into, train, add=True)
            last.append(sums)
            for_kernels.append(taps)
        in_front = None, None, None
        if matrix is not None:
            for_hidden = for_hidden.flatten(1)
            if for_x:
                into.flatten(1).addmm_(matrix.flatten(1).t(), for_hidden)
            for_matrix = (memory.flatten(1) @ for_hidden.t()).t().reshape(matrix.shape) if for_matrix else None
            in_front = for_matrix, *of_affine(first, raw)
        for_kernels = torch.cat([each.flatten() for each in for_kernels]).view_as(kernels) if train else None
        return as_maps(into) if for_x else None, *in_front, for_kernels, *of_affine(last, raw), None, None


def parts(runs: Sequence[Run], kernels: Tensor) -> Iterator[tuple[Run, Tensor, slice, slice | None]]:
    """Of each run its kernels (channels, 1, side, side), its channels, and of the expanded maps those that it reads."""
    start = expanded = 0
    for run, taps in zip(runs, kernels.flatten().split([run.channels * run.side**2 for run in runs])):
        own, start = slice(start, start + run.channels), start + run.channels
        part = slice(expanded, expanded + run.channels) if run.expanded else None
        expanded += run.channels * run.expanded
        yield run, taps.view(-1, 1, run.side, run.side), own, part


class Project(Step):
    """The sum of 1x1 convolutions, each of its own channels and normalised, weighted by the mix.

    x: (images, all inputs, height, width); mix: a weight for each, or None for 1; weights: one convolution's behind the
    other's; scale, shift: (all outputs); sizes.
    """

    @staticmethod
    def plain(x, mix, weights, scale, shift, sizes):
        parts = zip(x.split([groups * inputs for groups, _, inputs in sizes], 1), pieces(weights, sizes), sizes)
        z = [F.conv2d(part, m.flatten(0, 1)[:, :, None, None], groups=groups) for part, m, (groups, *_) in parts]
        z = normalised(torch.cat(z, 1), mixed(scale, mix), mixed(shift, mix))
        return z.unflatten(1, (len(sizes), -1)).sum(1)

    @staticmethod
    def forward(ctx, x, mix, weights, scale, shift, sizes):
        memory = as_memory(x)
        z = memory.new_empty(len(scale), *memory.shape[1:])
        for m, part, out in zip(pieces(weights, sizes), *maps(memory, z, sizes)):
            torch.bmm(m, part, out=out)
        norm = Norm(*moments(z), mixed(scale, mix), mixed(shift, mix))
        y = apply(z, norm, memory.new_empty(len(z) // len(sizes), *memory.shape[1:]))
        ctx.constants, ctx.norm = (sizes,), norm
        ctx.save_for_backward(x, mix, weights, scale, shift, z)
        return as_maps(y)

    @staticmethod
    def backward(ctx, g):
        if torch.is_grad_enabled():
            return Project.again(ctx, g)
        x, mix, weights, scale, shift, z = ctx.saved_tensors
        (sizes,), (for_x, for_mix, train, *_) = ctx.constants, ctx.needs_input_grad
        memory, g = as_memory(x), as_memory(g)
        sums = slopes(z, ctx.norm, g)
        g = unapply(z, ctx.norm, sums, g)
        into = torch.empty_like(memory) if for_x else None
        if for_x:
            for m, part, to in zip(pieces(weights, sizes), *maps(into, g, sizes)):
                torch.bmm(m.transpose(1, 2), to, out=part)
        for_weights = torch.empty_like(weights, memory_format=torch.contiguous_format) if train else None
        if train:
            for m, part, to in zip(pieces(for_weights, sizes), *maps(memory, g, sizes)):
                torch.bmm(to, part.transpose(1, 2), out=m)
        found = of_affine([sums], z)
        share = (scale * found[0] + shift * found[1]).view(len(sizes), -1).sum(1) if for_mix else None
        return as_maps(into) if for_x else None, share, for_weights, *(mixed(f, mix) for f in found), None


def unit(x: Tensor, layer: nn.Module) -> Tensor:
    """A `conv_bn` without groups and bias, in the steps' layout; any other layer as it is."""
    if not usable(x) or not _is_conv_bn(layer):
        return layer(x)
    (conv, norm, _), side = layer, layer[0].kernel_size[0]
    high, wide = x.shape[2:]
    padded, taps = F.pad(as_memory(x), (0, 0, *[side // 2] * 4)), itertools.product(range(side), repeat=2)
    x = as_maps(torch.cat([padded[:, i : i + high : conv.stride[0], j : j + wide : conv.stride[0]] for i, j in taps]))
    weights = conv.weight.permute(0, 2, 3, 1).flatten()  # in the order of x's channels
    return F.relu(Project.of(x, None, weights, norm.weight, norm.bias, [(1, conv.out_channels, x.shape[1])]))


def _is_conv_bn(layer: nn.Module) -> bool:
    kinds = nn.Conv2d, nn.BatchNorm2d, nn.ReLU
    if not isinstance(layer, nn.Sequential) or len(layer) != len(kinds) or not all(map(isinstance, layer, kinds)):
        return False
    return layer[0].groups == 1 and layer[0].bias is None


def mixed(affine: Tensor, mix: Tensor | None) -> Tensor:
    return affine if mix is None else (affine.view(len(mix), -1) * mix[:, None]).flatten()


def of_affine(sums: Sequence[Tensor], like: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of scale and shift, from `slopes` of one run after the other."""
    shift, scale = torch.cat(list(sums)).t().to(like, memory_format=torch.contiguous_format)
    return scale, shift


def maps(x: Tensor, z: Tensor, sizes: Sizes) -> tuple[list[Tensor], list[Tensor]]:
    """(groups, inputs, pixels of all images) and (groups, outputs, pixels of all images) of each convolution."""
    pixels = x.stride(0)
    return pieces(x, [(g, i, pixels) for g, _, i in sizes]), pieces(z, [(g, o, pixels) for g, o, _ in sizes])


def pieces(x: Tensor, shapes: Sizes) -> list[Tensor]:
    """Views of these shapes, one behind the other in memory."""
    x, start, found = x.reshape(-1), 0, []
    for shape in shapes:
        count = math.prod(shape)
        found.append(x.narrow(0, start, count).view(shape))
        start += count
    return found
