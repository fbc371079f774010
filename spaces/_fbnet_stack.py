"""Blocks of one layer of FBNet's supernet that have the same kernel size, computed together.

Their weights of a kind are one tensor, block behind block, so that nothing is gathered and a step touches few tensors,
and each kind of operation runs once, on all blocks' channels. Maps are channels_last, where torch is quicker than in
`_channelwise`'s layout (torch 2.14.1, one AVX-512 core, 88 channels, 32 images of 12x12, ns an element): batch
normalisation 0.4 forwards and 0.5 backwards instead of 1.8 forwards, a 3x3 depthwise convolution 0.3, 0.4 and 0.3
(forwards, gradients of input and weights) instead of 1.3, 1.7 and 2.6.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from spaces._depthwise import reachable
from spaces._layers import MBConv, batch_statistics
from spaces._residual_rows import Products, maps, rows
from spaces._residual_steps import Depthwise, Expand, Project


class Stack(nn.Module):
    """Mixes the branches of its blocks. Those without an expansion come first."""

    def __init__(self, blocks: Sequence[MBConv]):
        super().__init__()
        self.blocks = [batch_statistics(copy.deepcopy(block)).to("meta") for block in blocks]  # their weights are ours
        states = [dict(block.named_parameters()) for block in blocks]
        self.shapes = {name: [state[name].shape if name in state else None for state in states] for name in states[-1]}
        for name in self.shapes:
            weights = [state[name].detach().flatten() for state in states if name in state]
            self.register_parameter(_own(name), nn.Parameter(torch.cat(weights)))
        self.stride = blocks[0].depthwise[0].stride[0]
        self.products = Products([block.project[0] for block in blocks])
        feed, order = _orders(blocks)
        self.register_buffer("feed", feed, persistent=False)
        self.register_buffer("order", order, persistent=False)

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
        kernels = self.depthwise_0_weight.view(-1, *self.shapes["depthwise.0.weight"][0][1:])
        kernels = reachable(kernels, x.shape[2:])
        hidden = Expand.of(rows(x), self.feed, *self._expansion())
        hidden = Depthwise.of(
            hidden, kernels, self.depthwise_1_weight, self.depthwise_1_bias, self.stride, tuple(x.shape[2:])
        )
        y = Project.of(hidden, mix, self.project_0_weight, self.project_1_weight, self.project_1_bias, self.products)
        return maps(y, *(-(-side // self.stride) for side in x.shape[2:]))

    def _expansion(self) -> tuple[Tensor | None, ...]:
        """Matrix, scale and shift, in the order of the shuffled channels."""
        if "expand.0.weight" not in self.shapes:
            return None, None, None
        affine = self.expand_1_weight, self.expand_1_bias
        if self.order is None:
            return self.expand_0_weight.view(-1, self.feed.shape[1]), *affine
        expanded = [number for number, shape in enumerate(self.shapes["expand.0.weight"]) if shape is not None]
        parts = [self.weights(number)["expand.0.weight"].flatten(1) for number in expanded]
        groups = [self.feed.shape[1] // part.shape[1] for part in parts]
        matrix = torch.cat([torch.block_diag(*part.chunk(n)) for part, n in zip(parts, groups)])
        return tuple(weights.index_select(0, self.order) for weights in (matrix, *affine))


def _own(name: str) -> str:
    return name.replace(".", "_")


def _orders(blocks: Sequence[MBConv]) -> tuple[Tensor, Tensor | None]:
    """How channels are shuffled in front of the depthwise convolution: of blocks without an expansion as a matrix of
    ones and zeros, (channels, inputs), as a product is faster than the copies; of others as indices, or None."""
    shuffled = [torch.arange(block.depthwise[0].in_channels).view(block.groups, -1).t().flatten() for block in blocks]
    inputs = blocks[0].project[0].in_channels if blocks[0].expand is None else blocks[0].expand[0].in_channels
    plain = [order for order, block in zip(shuffled, blocks) if block.expand is None]
    others = [order for order, block in zip(shuffled, blocks) if block.expand is not None]
    starts = [sum(len(other) for other in others[:i]) for i in range(len(others))]
    feed = torch.eye(inputs)[torch.cat([torch.zeros(0, dtype=torch.long), *plain])]
    if not any(block.groups > 1 for block in blocks if block.expand is not None):
        return feed, None
    return feed, torch.cat([start + order for start, order in zip(starts, others)])
