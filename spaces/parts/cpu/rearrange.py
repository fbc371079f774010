"""Maps concatenated and divided by channels or by pixels, without leaving the layout of the kernels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from spaces.parts.convolutions import even_and_odd
from spaces.parts.cpu.fused_function import FusedFunction
from spaces.parts.cpu.layout import as_maps, as_memory


def concatenate(maps: Sequence[Tensor]) -> Tensor:
    """Maps (images, channels, height, width) one behind another along the channels."""
    return as_maps(torch.cat([x.permute(1, 2, 3, 0) for x in maps]))


def split_channels(x: Tensor, channels: int) -> tuple[Tensor, Tensor]:
    """The first `channels` channels of (images, channels, height, width), and the others."""
    first, others = as_memory(x).split((channels, x.shape[1] - channels))
    return as_maps(first), as_maps(others)


class Halves(FusedFunction):
    """Both results of `even_and_odd`, concatenated along the channels."""

    @staticmethod
    def plain(x):
        return torch.cat(even_and_odd(x), 1)

    @staticmethod
    def forward(ctx, x):
        maps = as_memory(x)
        halves = maps.new_zeros(2 * len(maps), *(-(-side // 2) for side in maps.shape[1:3]), maps.shape[3])
        for part, half in _pairs(maps, halves):
            half.copy_(part)
        ctx.constants, ctx.shape = (), maps.shape
        ctx.save_for_backward(x)
        return as_maps(halves)

    @staticmethod
    def backward(ctx, g):
        if torch.is_grad_enabled():
            return Halves.plain_backward(ctx, g)
        into = g.new_zeros(ctx.shape)
        for part, half in _pairs(into, as_memory(g)):
            part.copy_(half)
        return as_maps(into)


def _pairs(maps: Tensor, halves: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """The even and the odd pixels of (channels, height, width, images), each with its position in `halves`: views."""
    for first, half in enumerate(halves.chunk(2)):
        part = maps[:, first::2, first::2]
        yield part, half[:, : part.shape[1], : part.shape[2]]
