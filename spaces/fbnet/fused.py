"""The faster form of one layer of FBNet's supernet: each kind of operation runs once, on the channels of all blocks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor, nn

from spaces.fbnet.supernet import MixedLayer
from spaces.parts.blocks import ConvBn, MBConv
from spaces.parts.cpu.fuse import Fused
from spaces.parts.cpu.inverted_residuals import ExpandDepthwise, PointwiseShapes, Project, Section, pieces
from spaces.parts.cpu.stacking import Stacks, slots


class FastMixedLayer(Fused, MixedLayer):
    """All blocks together where all candidates are wanted with one mix for all images, else the wanted ones, each by
    its own faster form."""

    _prepared: MixedBranches

    def prepare(self) -> MixedBranches:
        *blocks, _ = self.candidates
        return MixedBranches(blocks)

    def fast(self, x: Tensor, mix: Tensor) -> Tensor:
        if mix.dim() > 1 or not (mix.requires_grad or mix.all()):
            return MixedLayer.forward(self, x, mix)
        *blocks, skip = self.candidates
        skipped = mix.sum() * x if blocks[0].residual else mix[-1] * skip(x)
        return self._prepared.forward(x, mix[:-1]) + skipped


class MixedBranches:
    """The weighted sum of blocks without their residual connections. They have the same input, stride and number of
    outputs, and no biases in front of batch normalisation."""

    def __init__(self, blocks: Sequence[MBConv]):
        expand = [block.expand for block in blocks if isinstance(block.expand, ConvBn)]
        depthwise, project = [block.depthwise for block in blocks], [block.project for block in blocks]
        # Three groups of each: kernels, scales, shifts.
        self.weights = Stacks(group for units in (expand, depthwise, project) for group in zip(*map(slots, units)))
        self.expand, self.project = _shapes(expand), _shapes(project)
        self.stride = blocks[0].depthwise[0].stride[0]
        self.sections = [_section(list(alike)) for _, alike in groupby(map(_kind, blocks), lambda kind: kind[:2])]

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        """x: (images, inputs, height, width); mix: (blocks,)."""
        *expand, kernels, scale, shift, matrices, last_scale, last_shift = self.weights.read()
        expansion = [self._matrix(expand[0], x.shape[1]), *expand[1:]] if expand else [None] * 3
        hidden = ExpandDepthwise.apply(x, *expansion, kernels, scale, shift, self.sections, self.stride)
        return Project.apply(hidden, mix, matrices, last_scale, last_shift, self.project)

    def _matrix(self, kernels: Tensor, inputs: int) -> Tensor:
        """The kernels of all expansions as one: (hidden, inputs, 1, 1)."""
        if all(groups == 1 for groups, *_ in self.expand):
            return kernels.view(-1, inputs, 1, 1)
        return torch.cat([torch.block_diag(*groups) for groups in pieces(kernels, self.expand)])[:, :, None, None]


def _shapes(units: Sequence[ConvBn]) -> PointwiseShapes:
    convolutions = [conv for conv, *_ in units]
    return [(c.groups, c.out_channels // c.groups, c.in_channels // c.groups) for c in convolutions]


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


def _section(kinds: Sequence[_Kind]) -> Section:
    """The depthwise kernels of consecutive blocks of the same side, all with or all without an expansion. Without one
    they all read the input. Groups shuffle the maps that are read."""
    side, expanded, *_ = kinds[0]
    reads: list[int] = []
    for kind in kinds:
        start, each = len(reads) if expanded else 0, kind.width // kind.groups
        reads += [start + group * each + i for i in range(each) for group in range(kind.groups)]
    shuffled = reads != list(range(len(reads)))
    return Section(len(reads), side, expanded, torch.tensor(reads, device="cpu") if shuffled else None)
