"""Inverted residuals by the compiled kernels: a stack of FBNet's blocks, and the superkernel of Single-Path.

Each is two autograd functions, one before and one behind the maps that the projection reads. Maps lie in memory as
(channels, height, width, images) and have the logical shape (images, channels, height, width). Gradients that autograd
does not ask for are not computed: an architecture step needs none of the weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from spaces.parts.cpu.fused_function import FusedFunction
from spaces.parts.cpu.kernels import EPS, Convolution, Norm, apply, moments, slopes, unapply
from spaces.parts.cpu.layout import as_maps, as_memory

PointwiseShapes = Sequence[tuple[int, int, int]]
"""(groups, outputs per group, inputs per group) of 1x1 convolutions side by side."""


def batch_norm(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """torch's batch normalisation with the statistics of the batch."""
    return F.batch_norm(x, None, None, scale, shift, True, 0.0, EPS)


class Section(NamedTuple):
    """Consecutive depthwise kernels of one side. They read the input or, if `expanded`, the next maps of the expansion
    that no section before them reads. `reads`: the number of the map that each kernel reads; None: the first kernel the
    first map, and so on."""

    channels: int
    side: int
    expanded: bool
    reads: Tensor | None = None


class ExpandDepthwise(FusedFunction):
    """A 1x1 expansion and depthwise convolutions, each followed by batch normalisation and ReLU.

    x: (images, inputs, height, width); matrix (expanded, inputs, 1, 1), scale and shift (expanded,) of the expansion,
    or None for all three; kernels: those of all sections, one after another; last_scale, last_shift: (channels,) of the
    second normalisation; sections; stride of the depthwise convolutions.
    """

    @staticmethod
    def plain(x, matrix, scale, shift, kernels, last_scale, last_shift, sections, stride):
        hidden = None if matrix is None else F.relu(batch_norm(F.conv2d(x, matrix), scale, shift))
        y = []
        for section, taps, _, part in divide(sections, kernels):
            maps = hidden[:, part] if section.expanded else x
            maps = maps if section.reads is None else maps[:, section.reads]
            y.append(F.conv2d(maps, taps, None, stride, section.side // 2, groups=section.channels))
        return F.relu(batch_norm(torch.cat(y, 1), last_scale, last_shift))

    @staticmethod
    def forward(ctx, x, matrix, scale, shift, kernels, last_scale, last_shift, sections, stride):
        memory, hidden = as_memory(x), None
        if matrix is not None:
            hidden = (matrix.flatten(1) @ memory.flatten(1)).view(-1, *memory.shape[1:])
        raw = memory.new_empty(len(last_scale), *(-(-side // stride) for side in x.shape[2:]), len(x))
        y, norms = torch.empty_like(raw), []
        for section, taps, own, part in divide(sections, kernels):
            maps, before = memory, Norm()
            if section.expanded:
                maps = hidden[part]
                before = Norm(*moments(maps), scale[part], shift[part], relu=True)
            _, *statistics = Convolution(taps, None, stride, reads=section.reads).forward(maps, before, raw[own])
            after = Norm(*statistics, last_scale[own], last_shift[own], relu=True)
            apply(raw[own], after, y[own])
            norms.append((before, after))
        ctx.constants, ctx.norms = (sections, stride), norms
        ctx.save_for_backward(x, matrix, scale, shift, kernels, last_scale, last_shift, hidden, raw)
        return as_maps(y)

    @staticmethod
    def backward(ctx, g):
        if torch.is_grad_enabled():
            return ExpandDepthwise.plain_backward(ctx, g)
        x, matrix, _, _, kernels, _, _, hidden, raw = ctx.saved_tensors
        (sections, stride), (needs_x, needs_matrix, _, _, train, *_) = ctx.constants, ctx.needs_input_grad
        memory, g = as_memory(x), as_memory(g)
        of_x = torch.zeros_like(memory) if needs_x else None
        of_hidden = None if matrix is None else torch.empty_like(hidden)
        of_kernels, first_sums, last_sums = [], [], []
        for (section, taps, own, part), (before, after) in zip(divide(sections, kernels), ctx.norms):
            convolution, sums = Convolution(taps, None, stride, reads=section.reads), slopes(raw[own], after, g[own])
            behind = raw[own], after, sums, g[own]
            if section.expanded:
                maps, into = hidden[part], of_hidden[part]
                taps, _, before_sums = convolution.backward(maps, before, *behind, into, train)
                unapply(maps, before._replace(relu=False), before_sums, into, into)
                first_sums.append(before_sums)
            else:
                taps, *_ = convolution.backward(memory, before, *behind, of_x, train, add=True)
            last_sums.append(sums)
            of_kernels.append(taps)
        of_expansion = None, None, None
        if matrix is not None:
            of_matrix = _through_expansion(memory, matrix, of_hidden, of_x, needs_matrix)
            of_expansion = of_matrix, *of_affine(first_sums, raw)
        of_kernels = torch.cat([each.flatten() for each in of_kernels]).view_as(kernels) if train else None
        return as_maps(of_x) if needs_x else None, *of_expansion, of_kernels, *of_affine(last_sums, raw), None, None


def _through_expansion(
    memory: Tensor, matrix: Tensor, of_hidden: Tensor, of_x: Tensor | None, needs_matrix: bool
) -> Tensor | None:
    """Adds the expansion's part to the gradient of its input, `of_x`, if any; gives that of its matrix if needed."""
    of_hidden = of_hidden.flatten(1)
    if of_x is not None:
        of_x.flatten(1).addmm_(matrix.flatten(1).t(), of_hidden)
    return (memory.flatten(1) @ of_hidden.t()).t().reshape(matrix.shape) if needs_matrix else None


def divide(sections: Sequence[Section], kernels: Tensor) -> Iterator[tuple[Section, Tensor, slice, slice | None]]:
    """Of each section its kernels (channels, 1, side, side), its own channels, and the expanded maps that it reads."""
    start = expanded = 0
    sizes = [section.channels * section.side**2 for section in sections]
    for section, taps in zip(sections, kernels.flatten().split(sizes)):
        own, start = slice(start, start + section.channels), start + section.channels
        part = slice(expanded, expanded + section.channels) if section.expanded else None
        expanded += section.channels * section.expanded
        yield section, taps.view(-1, 1, section.side, section.side), own, part


class Project(FusedFunction):
    """The sum of 1x1 convolutions, each with channels and batch normalisation of its own, weighted by a mix.

    x: (images, inputs of all, height, width); mix: (convolutions,), or None for weights of 1; weights: those of all
    convolutions, one after another; scale, shift: (outputs of all,); shapes of the convolutions, which have the same
    number of outputs.
    """

    @staticmethod
    def plain(x, mix, weights, scale, shift, shapes):
        parts = zip(x.split([groups * inputs for groups, _, inputs in shapes], 1), pieces(weights, shapes), shapes)
        z = [F.conv2d(part, m.flatten(0, 1)[:, :, None, None], groups=groups) for part, m, (groups, *_) in parts]
        z = batch_norm(torch.cat(z, 1), mixed(scale, mix), mixed(shift, mix))
        return z.unflatten(1, (len(shapes), -1)).sum(1)

    @staticmethod
    def forward(ctx, x, mix, weights, scale, shift, shapes):
        memory = as_memory(x)
        z = memory.new_empty(len(scale), *memory.shape[1:])
        for m, part, out in zip(pieces(weights, shapes), *grouped_maps(memory, z, shapes)):
            torch.bmm(m, part, out=out)
        norm = Norm(*moments(z), mixed(scale, mix), mixed(shift, mix))
        y = apply(z, norm, memory.new_empty(len(z) // len(shapes), *memory.shape[1:]))
        ctx.constants, ctx.norm = (shapes,), norm
        ctx.save_for_backward(x, mix, weights, scale, shift, z)
        return as_maps(y)

    @staticmethod
    def backward(ctx, g):
        if torch.is_grad_enabled():
            return Project.plain_backward(ctx, g)
        x, mix, weights, scale, shift, z = ctx.saved_tensors
        (shapes,), (needs_x, needs_mix, train, *_) = ctx.constants, ctx.needs_input_grad
        memory, g = as_memory(x), as_memory(g)
        sums = slopes(z, ctx.norm, g)
        g = unapply(z, ctx.norm, sums, g)
        of_x = torch.empty_like(memory) if needs_x else None
        if needs_x:
            for m, part, to in zip(pieces(weights, shapes), *grouped_maps(of_x, g, shapes)):
                torch.bmm(m.transpose(1, 2), to, out=part)
        of_weights = torch.empty_like(weights, memory_format=torch.contiguous_format) if train else None
        if train:
            for m, part, to in zip(pieces(of_weights, shapes), *grouped_maps(memory, g, shapes)):
                torch.bmm(to, part.transpose(1, 2), out=m)
        affine = of_affine([sums], z)
        of_mix = (scale * affine[0] + shift * affine[1]).view(len(shapes), -1).sum(1) if needs_mix else None
        return as_maps(of_x) if needs_x else None, of_mix, of_weights, *(mixed(each, mix) for each in affine), None


def mixed(affine: Tensor, mix: Tensor | None) -> Tensor:
    """Scale or shift of all outputs, times each convolution's weight in the mix."""
    return affine if mix is None else (affine.view(len(mix), -1) * mix[:, None]).flatten()


def of_affine(sums: Sequence[Tensor], like: Tensor) -> tuple[Tensor, Tensor]:
    """The gradients of scale and shift from `slopes`, which are given section by section."""
    shift, scale = torch.cat(list(sums)).t().to(like, memory_format=torch.contiguous_format)
    return scale, shift


def grouped_maps(x: Tensor, z: Tensor, shapes: PointwiseShapes) -> tuple[list[Tensor], list[Tensor]]:
    """Inputs and outputs of each convolution, (groups, inputs, pixels of all images) and (groups, outputs, pixels of
    all images), as views of x and z in memory layout."""
    pixels = x.stride(0)
    return pieces(x, [(g, i, pixels) for g, _, i in shapes]), pieces(z, [(g, o, pixels) for g, o, _ in shapes])


def pieces(x: Tensor, shapes: PointwiseShapes) -> list[Tensor]:
    """Views of these shapes, one after another in memory."""
    x, start, found = x.reshape(-1), 0, []
    for shape in shapes:
        count = math.prod(shape)
        found.append(x.narrow(0, start, count).view(shape))
        start += count
    return found
