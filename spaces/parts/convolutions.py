"""The two convolutions of which separable ones are made, and the pixels that a reduction reads. Plain torch layers."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class Pointwise(nn.Conv2d):
    """A 1x1 convolution. With a stride it picks its pixels first: torch's gradient for the weights of a strided one
    writes past its memory (torch 2.14.1, CPU, float32, channels_last, fewer than 8 input channels; glibc: "corrupted
    size")."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, groups: int = 1, bias: bool = False):
        super().__init__(inputs, outputs, 1, stride, groups=groups, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x[:, :, :: self.stride[0], :: self.stride[1]], self.weight, self.bias, groups=self.groups)


class Depthwise(nn.Conv2d):
    """A depthwise convolution that keeps the map's side at stride 1. `kernel`, its side in pixels, must be odd."""

    def __init__(self, channels: int, kernel: int, stride: int = 1, dilation: int = 1, bias: bool = False):
        padding = dilation * (kernel // 2)
        super().__init__(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=bias)


def even_and_odd(x: Tensor) -> tuple[Tensor, Tensor]:
    """Every second row and column of (images, channels, height, width), from the first on and from the second on. Maps
    with an odd side, for which the public code fails, are padded with zeros."""
    height, width = x.shape[2:]
    if height % 2 or width % 2:
        x = F.pad(x, (0, width % 2, 0, height % 2))
    return x[:, :, ::2, ::2], x[:, :, 1::2, 1::2]
