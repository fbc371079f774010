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
from torch.autograd import Function

from spaces._channelwise import SMALL, as_maps, as_rows, convolve
from spaces._layers import MBConv

EPS = 1e-5  # torch's, which all blocks have


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
        chosen = [[i for i, k in enumerate(kernels) if k == kernel] for kernel in sorted(set(kernels))]
        self.parts = [(part, Stack([blocks[i] for i in part])) for part in chosen if len(chosen) > 1]

    def __call__(self, x: Tensor, mix: Tensor) -> Tensor:
        """x: (images, inputs, height, width); mix: one weight a block, in the order given. Their weighted sum, without
        residuals."""
        small = x.shape[2] * x.shape[3] <= SMALL
        if self.parts and not small:
            return sum(part(x, mix[chosen]) for chosen, part in self.parts)
        y = self._convolve(as_maps(torch.cat(self._expand(as_rows(x))), x), small)
        scale, shift = (
            torch.cat(p).index_select(0, self.channels) for p in _affine(b.depthwise[1] for b in self.blocks)
        )
        z = self._project(F.relu(_normalise(as_rows(y), scale, shift)))
        scale, shift = (torch.stack(p) * mix[self.order, None] for p in _affine(b.project[1] for b in self.blocks))
        z = _normalise(z.flatten(0, 1), scale.flatten(), shift.flatten())
        return as_maps(z.view(len(mix), -1, z.shape[1]).sum(0), y)

    def _expand(self, x: Tensor) -> list[Tensor]:
        """Rows of hidden channels. Batch normalisation of a product needs no pass over it: its mean and variance follow
        from the mean and covariance of its few inputs."""
        plain = [x] * (len(self.blocks) - len(self.expanded))
        if not self.expanded:
            return plain
        weight = torch.cat([_dense(block.expand[0]) for block in self.expanded])
        scale, shift = (torch.cat(p) for p in _affine(block.expand[1] for block in self.expanded))
        mean = x.mean(1, keepdim=True)
        centred = x - mean
        variance = (weight @ (centred @ centred.t() / x.shape[1]) * weight).sum(1)
        weight = weight * (scale * (variance + EPS).rsqrt())[:, None]
        return [*plain, F.relu_(torch.addmm(shift[:, None], weight, centred))]

    def _convolve(self, x: Tensor, small: bool) -> Tensor:
        """As matrices, kernels of all sizes cost the same."""
        weights = [block.depthwise[0].weight for block in self.blocks]
        margins = [(self.kernel - weight.shape[-1]) // 2 for weight in weights]
        weights = [F.pad(weight, [margin] * 4) if margin else weight for weight, margin in zip(weights, margins)]
        weight = torch.cat(weights).index_select(0, self.channels)
        if small or self.stride > 1:
            return convolve(x, weight, self.stride)
        return _Planes.apply(x.transpose(0, 1), weight).transpose(0, 1)

    def _project(self, hidden: Tensor) -> Tensor:
        """(sum of widths, pixels) -> (blocks, outputs, pixels)."""
        weights = [_dense(block.project[0]) for block in self.blocks]
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


def _dense(conv: nn.Conv2d) -> Tensor:
    """The matrix of a 1x1 convolution, (outputs, inputs)."""
    weight = conv.weight.flatten(1)
    return weight if conv.groups == 1 else torch.block_diag(*weight.chunk(conv.groups))


def _normalise(y: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Batch normalisation of rows, with the statistics of the batch."""
    return F.batch_norm(y.view(1, *y.shape, 1), None, None, scale, shift, True, 0.0, EPS).view(y.shape)


class _Planes(Function):
    """Depthwise convolution of stride 1 of maps too large for `_channelwise`'s matrices, each channel of each image
    as a channel of one image: nothing is copied. The weights' gradient is a product for each row of the kernel.
    (channels, images, height, width), (channels, 1, k, k) -> the first's shape; differentiable to any order."""

    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        planes = x.reshape(1, -1, *x.shape[2:])
        weight = weight.repeat_interleave(x.shape[1], 0)
        return F.conv2d(planes, weight, padding=weight.shape[-1] // 2, groups=len(weight)).view(x.shape)

    @staticmethod
    def backward(ctx, g):
        x, weight = ctx.saved_tensors
        for_x, for_weight = ctx.needs_input_grad
        return (
            _Planes.apply(g, weight.flip(2, 3)) if for_x else None,
            _weight_gradient(x, g, weight.shape[-1]) if for_weight else None,
        )


def _weight_gradient(x: Tensor, g: Tensor, kernel: int) -> Tensor:
    """Of `_Planes`. Tap (a, b) sums g[i, j] x[i + a, j + b]: the b-th diagonal of g^T x with x moved by a rows, which
    are contiguous when images lie within rows."""
    channels, images, height, width = x.shape
    reach = kernel // 2
    x = F.pad(x.transpose(1, 2), (reach, reach, 0, 0, reach, reach)).view(channels, -1, width + 2 * reach)
    g = g.transpose(1, 2).reshape(channels, -1, width).transpose(1, 2)
    moved = (x[:, a * images : (a + height) * images] for a in range(kernel))
    products = torch.stack([torch.bmm(g, rows) for rows in moved], 1)
    taps = [products.diagonal(b, 2, 3).sum(-1) for b in range(kernel)]
    return torch.stack(taps, 2)[:, None]
