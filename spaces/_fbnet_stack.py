"""Blocks of one layer of FBNet's supernet that are of one kind, computed together.

Their weights of a kind are one tensor, block behind block, so that nothing is gathered and a step touches few tensors,
and each kind of operation runs once, on all blocks' channels.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from spaces._layers import MBConv, batch_statistics
from spaces._residual_steps import Hidden, Project, Sizes, matrices


class Stack(nn.Module):
    """Mixes the branches of its blocks. All have an expansion, or none has."""

    def __init__(self, blocks: Sequence[MBConv]):
        super().__init__()
        self.blocks = [batch_statistics(copy.deepcopy(block)).to("meta") for block in blocks]  # their weights are ours
        states = [dict(block.named_parameters()) for block in blocks]
        self.shapes = {name: [state[name].shape for state in states] for name in states[0]}
        for name in self.shapes:
            weights = torch.cat([state[name].detach().flatten() for state in states])
            self.register_parameter(_own(name), nn.Parameter(weights))
        self.stride = blocks[0].depthwise[0].stride[0]
        self.expand = blocks[0].expand and _sizes([block.expand[0] for block in blocks])
        self.project = _sizes([block.project[0] for block in blocks])
        self.register_buffer("reads", _reads(blocks), persistent=False)

    def weights(self, number: int) -> dict[str, Tensor]:
        """One block's, by name, as views."""
        found = {}
        for name, shapes in self.shapes.items():
            parts = getattr(self, _own(name)).split([shape.numel() for shape in shapes])
            found[name] = parts[number].view(shapes[number])
        return found

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        """x: (images, inputs, height, width); mix: a weight for each block. Their sum, without residuals."""
        kernels = self.depthwise_0_weight.view(-1, *self.shapes["depthwise.0.weight"][0][1:])
        depthwise = kernels, self.depthwise_1_weight, self.depthwise_1_bias
        hidden = Hidden.of(x, *self._expansion(), *depthwise, self.reads, self.stride)
        return Project.of(hidden, mix, self.project_0_weight, self.project_1_weight, self.project_1_bias, self.project)

    def _expansion(self) -> tuple[Tensor | None, ...]:
        """Matrix, scale and shift."""
        if self.expand is None:
            return None, None, None
        groups = matrices(self.expand_0_weight, self.expand)
        if self.reads is None:
            matrix = self.expand_0_weight.view(-1, groups[0].shape[2])
        else:
            matrix = torch.cat([torch.block_diag(*group) for group in groups])
        return matrix, self.expand_1_weight, self.expand_1_bias


def _own(name: str) -> str:
    return name.replace(".", "_")


def _sizes(convolutions: Sequence[nn.Conv2d]) -> Sizes:
    return [(c.groups, c.out_channels // c.groups, c.in_channels // c.groups) for c in convolutions]


def _reads(blocks: Sequence[MBConv]) -> Tensor | None:
    """The hidden channel that each depthwise kernel reads, where channels are shuffled. Blocks without an expansion all
    read the same."""
    if all(block.groups == 1 for block in blocks):
        return None
    widths = [block.depthwise[0].in_channels for block in blocks]
    starts = [0 if block.expand is None else sum(widths[:i]) for i, block in enumerate(blocks)]
    orders = [torch.arange(width).view(block.groups, -1).t().flatten() for width, block in zip(widths, blocks)]
    return torch.cat([start + order for start, order in zip(starts, orders)])
