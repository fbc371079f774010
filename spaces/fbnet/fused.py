"""The faster form of one layer of FBNet's supernet: each kind of operation runs once, on the channels of all blocks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor, nn

from spaces.fbnet.supernet import MixedLayer
from spaces.parts.blocks import ConvBn, MBConv
from spaces.parts.cpu.fuse import Fused
from spaces.parts.cpu.inverted_residuals import ExpandDepthwise, PointwiseShapes, Project, Section, pieces
from spaces.parts.cpu.stacking import stack


class FastMixedLayer(Fused, MixedLayer):
    """All blocks together where all candidates are wanted, else the wanted ones, each by its own faster form."""

    def fast(self, x: Tensor, mix: Tensor) -> Tensor:
        if not (mix.requires_grad or mix.all()):
            return MixedLayer.forward(self, x, mix)
        *blocks, skip = self.candidates
        y = mixed_branches(blocks, x, mix[:-1])
        return y + (mix.sum() * x if blocks[0].residual else mix[-1] * skip(x))


def mixed_branches(blocks: Sequence[MBConv], x: Tensor, mix: Tensor) -> Tensor:
    """The weighted sum of blocks without their residual connections. They have the same input, stride and number of
    outputs, and no biases. x: (images, inputs, height, width); mix: (blocks,)."""
    expand = [block.expand for block in blocks if isinstance(block.expand, ConvBn)]
    units = [unit for unit in (expand, [b.depthwise for b in blocks], [b.project for b in blocks]) if unit]
    weights = stack([weights for unit in units for weights in zip(*map(_weights, unit))])
    *expansion, kernels, scale, shift, matrices, last_scale, last_shift = weights
    if expansion:
        expansion[0] = _as_one([conv for conv, *_ in expand], expansion[0])
    stride, sections = blocks[0].depthwise[0].stride[0], _sections(tuple(map(_kind, blocks)))
    expansion = expansion or [None] * 3
    hidden = ExpandDepthwise.apply(x, *expansion, kernels, scale, shift, sections, stride)
    shapes = _shapes([block.project[0] for block in blocks])
    return Project.apply(hidden, mix, matrices, last_scale, last_shift, shapes)


def _weights(unit: ConvBn) -> tuple[Tensor, Tensor, Tensor]:
    conv, norm, *_ = unit
    return conv.weight, norm.weight, norm.bias


def _shapes(convolutions: Sequence[nn.Conv2d]) -> PointwiseShapes:
    return [(c.groups, c.out_channels // c.groups, c.in_channels // c.groups) for c in convolutions]


def _as_one(convolutions: Sequence[nn.Conv2d], weights: Tensor) -> Tensor:
    """The kernels of 1x1 convolutions with the same input as one: (outputs of all, inputs, 1, 1)."""
    if all(conv.groups == 1 for conv in convolutions):
        return weights.view(-1, convolutions[0].in_channels, 1, 1)
    groups = pieces(weights, _shapes(convolutions))
    return torch.cat([torch.block_diag(*group) for group in groups])[:, :, None, None]


class _Kind(NamedTuple):
    """What the depthwise convolution of a block reads, and with which kernel."""

    side: int
    expanded: bool
    width: int
    groups: int


def _kind(block: MBConv) -> _Kind:
    conv, shuffle = block.depthwise[0], block.shuffle
    groups = shuffle.groups if isinstance(shuffle, nn.ChannelShuffle) else 1
    return _Kind(conv.kernel_size[0], isinstance(block.expand, ConvBn), conv.in_channels, groups)


@cache
def _sections(kinds: tuple[_Kind, ...]) -> list[Section]:
    """The depthwise kernels of consecutive blocks, those of the same side with or without expansion together."""
    return [_section(list(alike)) for _, alike in groupby(kinds, lambda kind: kind[:2])]


def _section(kinds: Sequence[_Kind]) -> Section:
    """Blocks without an expansion all read the input. Groups shuffle the maps that are read."""
    side, expanded, *_ = kinds[0]
    reads: list[int] = []
    for kind in kinds:
        start, each = len(reads) if expanded else 0, kind.width // kind.groups
        reads += [start + group * each + i for i in range(each) for group in range(kind.groups)]
    shuffled = reads != list(range(len(reads)))
    return Section(len(reads), side, expanded, torch.tensor(reads, device="cpu") if shuffled else None)
