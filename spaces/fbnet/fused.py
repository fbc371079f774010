"""The blocks of one layer of FBNet's supernet, computed together.

Their weights of a kind are one tensor, block behind block, so that nothing is gathered and a step touches few tensors,
and each kind of operation runs once, on all blocks' channels.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import groupby

import torch
from torch import Tensor, nn

from spaces.parts.blocks import MBConv, batch_statistics
from spaces.parts.cpu.residual_steps import Hidden, Project, Run, Sizes, pieces


class Stack(nn.Module):
    """Mixes the branches of its blocks."""

    def __init__(self, blocks: Sequence[MBConv]):
        super().__init__()
        self.blocks = [batch_statistics(copy.deepcopy(block)).to("meta") for block in blocks]  # their weights are ours
        states = [dict(block.named_parameters()) for block in blocks]
        self.shapes = {name: [state[name].shape if name in state else None for state in states] for name in states[-1]}
        for name in self.shapes:
            weights = [state[name].detach().flatten() for state in states if name in state]
            self.register_parameter(_own(name), nn.Parameter(torch.cat(weights)))
        self.stride = blocks[0].depthwise[0].stride[0]
        self.runs = [_run(list(alike)) for _, alike in groupby(blocks, _kind)]
        self.expand = _sizes([block.expand[0] for block in blocks if block.expand is not None])
        self.project = _sizes([block.project[0] for block in blocks])

    def weights(self, number: int) -> dict[str, Tensor]:
        """One block's, by name, as views."""
        found = {}
        for name, shapes in self.shapes.items():
            if (shape := shapes[number]) is not None:
                start = sum(before.numel() for before in shapes[:number] if before is not None)
                found[name] = getattr(self, _own(name)).narrow(0, start, shape.numel()).view(shape)
        return found

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        """x: (images, inputs, height, width); mix: a weight for each block. Their sum, without residuals."""
        expand = self._expansion(), self.expand_1_weight, self.expand_1_bias
        depthwise = self.depthwise_0_weight, self.depthwise_1_weight, self.depthwise_1_bias
        hidden = Hidden.of(x, *expand, *depthwise, self.runs, self.stride)
        return Project.of(hidden, mix, self.project_0_weight, self.project_1_weight, self.project_1_bias, self.project)

    def _expansion(self) -> Tensor:
        """(hidden, inputs, 1, 1)"""
        if all(groups == 1 for groups, *_ in self.expand):
            return self.expand_0_weight.view(-1, self.expand[0][2], 1, 1)
        groups = pieces(self.expand_0_weight, self.expand)
        return torch.cat([torch.block_diag(*group) for group in groups])[:, :, None, None]


def _own(name: str) -> str:
    return name.replace(".", "_")


def _sizes(convolutions: Sequence[nn.Conv2d]) -> Sizes:
    return [(c.groups, c.out_channels // c.groups, c.in_channels // c.groups) for c in convolutions]


def _kind(block: MBConv) -> tuple[int, bool]:
    """Side of the kernel; whether there is an expansion."""
    return block.depthwise[0].kernel_size[0], block.expand is not None


def _run(blocks: Sequence[MBConv]) -> Run:
    """Of blocks of a kind. Those without an expansion read the same maps. Groups shuffle them."""
    widths = [block.depthwise[0].in_channels for block in blocks]
    side, expanded = _kind(blocks[0])
    reads: list[int] = []
    for width, block in zip(widths, blocks):
        start, each = len(reads) if expanded else 0, width // block.groups
        reads += [start + group * each + i for i in range(each) for group in range(block.groups)]
    shuffled = reads != list(range(len(reads)))
    return Run(len(reads), side, expanded, torch.tensor(reads, device="cpu") if shuffled else None)
