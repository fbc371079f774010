"""The faster forms of the layer-wise spaces' blocks: a ReLU and the convolution and normalisation behind it are one
autograd function."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from spaces.parts.blocks import ConvBn, MBConv
from spaces.parts.convolutions import Depthwise, Pointwise
from spaces.parts.cpu.channelwise import _through, compute_fused
from spaces.parts.cpu.fuse import Fused
from spaces.parts.cpu.layout import as_maps, as_memory
from spaces.parts.network import DropPath


class FastConvBn(Fused, ConvBn):
    """Convolutions across channels are one matrix product."""

    def fast(self, x: Tensor) -> Tensor:
        conv, norm, *relu = self
        if isinstance(conv, Depthwise | Pointwise):
            y = compute_fused(x, conv, norm)
        else:
            matrix = conv.weight.permute(0, 2, 3, 1).flatten(1)[:, :, None, None]
            y = _through(_windows(x, conv), norm, matrix=matrix, bias=conv.bias)
        return F.relu(y) if relu else y


class FastMBConv(Fused, MBConv):
    """Three autograd functions. The channel shuffle keeps the memory layout."""

    def fast(self, x: Tensor, drop: DropPath | None = None) -> Tensor:
        hidden, relu = x, []
        if isinstance(self.expand, ConvBn):
            conv, norm, *relu = self.expand
            hidden = compute_fused(x, conv, norm)
        if isinstance(self.shuffle, nn.ChannelShuffle):
            hidden = hidden.unflatten(1, (self.shuffle.groups, -1)).transpose(1, 2).flatten(1, 2)
        conv, norm, last_relu = self.depthwise
        y = compute_fused(compute_fused(hidden, *relu, conv, norm), last_relu, *self.project)
        return self.joined(x, y, drop)


def _windows(x: Tensor, conv: nn.Conv2d) -> Tensor:
    """What each pixel of the result of a square convolution reads: (images, channels, height, width) to (images,
    taps * channels, …), tap by tap."""
    side, stride = conv.kernel_size[0], conv.stride[0]
    high, wide = x.shape[2:]
    padded = F.pad(as_memory(x), (0, 0, *[conv.padding[0]] * 4))
    taps = itertools.product(range(side), repeat=2)
    return as_maps(torch.cat([padded[:, i : i + high : stride, j : j + wide : stride] for i, j in taps]))
