"""The blocks of one layer of FBNet's supernet, computed together.

The weights of the same kind of all blocks are one tensor, block after block, so that nothing is gathered and an
optimizer step touches few tensors. Each kind of operation runs once, on the channels of all blocks.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import groupby

import torch
from torch import Tensor, nn

from spaces.parts.blocks import MBConv
from spaces.parts.cpu.inverted_residuals import ExpandDepthwise, PointwiseShapes, Project, Section, pieces
from spaces.parts.network import use_batch_statistics


class Stack(nn.Module):
    """The branches of blocks with the same input, stride and number of outputs, whose results are mixed. The last block
    must have every kind of weight that any of them has."""

    def __init__(self, blocks: Sequence[MBConv]):
        super().__init__()
        # These copies are on the meta device, without data: the stack has their weights.
        self.blocks = [use_batch_statistics(copy.deepcopy(block)).to("meta") for block in blocks]
        named = [dict(block.named_parameters()) for block in blocks]
        self.shapes = {name: [each[name].shape if name in each else None for each in named] for name in named[-1]}
        for name in self.shapes:
            weights = [each[name].detach().flatten() for each in named if name in each]
            self.register_parameter(_own(name), nn.Parameter(torch.cat(weights)))
        self.stride = blocks[0].depthwise[0].stride[0]
        self.sections = [_section(list(alike)) for _, alike in groupby(blocks, _kind)]
        self.expand = _shapes([block.expand[0] for block in blocks if block.expand is not None])
        self.project = _shapes([block.project[0] for block in blocks])

    def weights(self, number: int) -> dict[str, Tensor]:
        """The weights of one block as views, under their names in the block."""
        found = {}
        for name, shapes in self.shapes.items():
            if (shape := shapes[number]) is not None:
                start = sum(before.numel() for before in shapes[:number] if before is not None)
                found[name] = getattr(self, _own(name)).narrow(0, start, shape.numel()).view(shape)
        return found

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        """x: (images, inputs, height, width); mix: (blocks,). The weighted sum of the blocks without their residual
        connections."""
        expand = self._expansion(), self.expand_1_weight, self.expand_1_bias
        depthwise = self.depthwise_0_weight, self.depthwise_1_weight, self.depthwise_1_bias
        hidden = ExpandDepthwise.compute(x, *expand, *depthwise, self.sections, self.stride)
        affine = self.project_1_weight, self.project_1_bias
        return Project.compute(hidden, mix, self.project_0_weight, *affine, self.project)

    def _expansion(self) -> Tensor:
        """The kernels of all expansions as one: (hidden, inputs, 1, 1)."""
        if all(groups == 1 for groups, *_ in self.expand):
            return self.expand_0_weight.view(-1, self.expand[0][2], 1, 1)
        groups = pieces(self.expand_0_weight, self.expand)
        return torch.cat([torch.block_diag(*group) for group in groups])[:, :, None, None]


def _own(name: str) -> str:
    """The name in a stack of the weights that have this name in a block."""
    return name.replace(".", "_")


def _shapes(convolutions: Sequence[nn.Conv2d]) -> PointwiseShapes:
    return [(c.groups, c.out_channels // c.groups, c.in_channels // c.groups) for c in convolutions]


def _kind(block: MBConv) -> tuple[int, bool]:
    """The side of its kernel, and whether it has an expansion."""
    return block.depthwise[0].kernel_size[0], block.expand is not None


def _section(blocks: Sequence[MBConv]) -> Section:
    """The depthwise kernels of blocks of one kind. Blocks without an expansion all read the input. Groups shuffle the
    maps that are read."""
    widths = [block.depthwise[0].in_channels for block in blocks]
    side, expanded = _kind(blocks[0])
    reads: list[int] = []
    for width, block in zip(widths, blocks):
        start, each = len(reads) if expanded else 0, width // block.groups
        reads += [start + group * each + i for i in range(each) for group in range(block.groups)]
    shuffled = reads != list(range(len(reads)))
    return Section(len(reads), side, expanded, torch.tensor(reads, device="cpu") if shuffled else None)
