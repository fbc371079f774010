"""The blocks of one layer of FBNet's supernet computed together, on a CPU.

At laptop size the supernet is bound by the number of small operations, not by their size: 22 layers of eight blocks of
eight modules each. Stacked, each kind of operation runs once a layer, on all blocks' channels at once. Parameters stay
in the blocks; results are theirs up to rounding.

Measured against block by block (torch 2.14.1, one AVX2 core, 4 channels, 16x16 pixels; step of the weights, of the mix,
forward alone, in ms): 16 images 527, 438, 216 -> 362, 260, 131; 64 images 1293, 1040, 551 -> 996, 723, 418.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces._channelwise import as_maps, as_memory, convolve_and_normalise
from spaces._layers import MBConv


class Stack:
    """Mixes the branches of several blocks of one layer. It orders them by width, then kernel: blocks of equal width
    are one batched product, and those without an expansion come first.

    A block's shuffle of its hidden channels is left out: what follows it has its channels in the order before it.
    """

    def __init__(self, blocks: Sequence[MBConv]):
        kernels = [block.depthwise[0].kernel_size[0] for block in blocks]
        self.order = sorted(range(len(blocks)), key=lambda i: (blocks[i].depthwise[0].out_channels, kernels[i]))
        self.blocks = [blocks[i] for i in self.order]
        self.widths = [block.depthwise[0].out_channels for block in self.blocks]
        self.expanded = [block for block in self.blocks if block.expand is not None]
        self.unshuffled = [_unshuffled(width, block.groups) for width, block in zip(self.widths, self.blocks)]
        starts = [sum(self.widths[:i]) for i in range(len(blocks))]
        self.channels = torch.cat([start + index for start, index in zip(starts, self.unshuffled)])
        self.stride, self.kernel = blocks[0].depthwise[0].stride[0], max(kernels)

    def __call__(self, x: Tensor, mix: Tensor) -> Tensor:
        """x: (images, inputs, height, width); mix: one weight a block, in the order given. Their weighted sum, without
        residuals."""
        scale, shift = (
            torch.cat(p).index_select(0, self.channels) for p in _affine(b.depthwise[1] for b in self.blocks)
        )
        hidden = as_maps(torch.cat(self._expand(x)))
        y = convolve_and_normalise(hidden, self._kernels(), None, scale, shift, False, self.stride)[0]
        z = self._project(F.relu(as_memory(y).flatten(1)))
        scale, shift = (torch.stack(p) * mix[self.order, None] for p in _affine(b.project[1] for b in self.blocks))
        z = F.batch_norm(z.flatten(0, 1)[None], None, None, scale.flatten(), shift.flatten(), True)
        z = z.view(len(mix), -1, z.shape[2]).sum(0)
        return as_maps(z.view(-1, *y.shape[2:], len(y)))

    def _expand(self, x: Tensor) -> list[Tensor]:
        """Hidden channels, as they lie in memory."""
        plain = [as_memory(x)] * (len(self.blocks) - len(self.expanded))
        if not self.expanded:
            return plain
        weight = torch.cat([block.expand[0].matrix() for block in self.expanded])
        scale, shift = (torch.cat(p) for p in _affine(block.expand[1] for block in self.expanded))
        return [*plain, F.relu(as_memory(convolve_and_normalise(x, None, weight, scale, shift, False)[0]))]

    def _kernels(self) -> Tensor:
        """As matrices, kernels of all sizes cost the same."""
        weights = [block.depthwise[0].weight for block in self.blocks]
        margins = [(self.kernel - weight.shape[-1]) // 2 for weight in weights]
        weights = [F.pad(weight, [margin] * 4) if margin else weight for weight, margin in zip(weights, margins)]
        return torch.cat(weights).index_select(0, self.channels)

    def _project(self, hidden: Tensor) -> Tensor:
        """(sum of widths, pixels) -> (blocks, outputs, pixels)."""
        weights = [block.project[0].matrix().flatten(1) for block in self.blocks]
        weights = [w[:, u] if b.groups > 1 else w for b, w, u in zip(self.blocks, weights, self.unshuffled)]
        groups = [list(group) for _, group in groupby(weights, key=lambda weight: weight.shape[1])]
        parts = hidden.split([len(group) * group[0].shape[1] for group in groups])
        return torch.cat(
            [torch.bmm(torch.stack(group), part.unflatten(0, (len(group), -1))) for group, part in zip(groups, parts)]
        )


def _affine(norms: Iterable[nn.BatchNorm2d]) -> Iterable[tuple[Tensor, ...]]:
    """All scales, all shifts."""
    return zip(*((norm.weight, norm.bias) for norm in norms))


def _unshuffled(width: int, groups: int) -> Tensor:
    """Where `channel_shuffle` puts each channel."""
    return torch.arange(width).view(-1, groups).t().flatten()
