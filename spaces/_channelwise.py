"""The layers of evaluation networks, faster on a CPU than torch's own where channels are few and maps small.

Tensors keep their logical shape (images, channels, height, width) but lie in memory channel by channel: then a 1x1
convolution is one matrix product, batch normalisation runs over one contiguous row a channel, and a depthwise
convolution of a small map is one batched product with the matrix of its kernel. Parameters are torch's, results too up
to rounding. Elsewhere than on the CPU these are torch's layers.

Measured in one process against `_depthwise` with channels_last (torch 2.14.1, one AVX2 core, 64 images; ReLU,
depthwise, 1x1, batch normalisation, forward and backward): 12 channels 8x8, kernel 5: 1.8 instead of 2.8 ms;
dilated 1.8 instead of 3.8; 24 channels 4x4: 1.0 instead of 2.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces._depthwise import depthwise, dilated

SMALL = 8 * 8  # pixels of a map, up to which a depthwise convolution is a matrix product


def as_rows(x: Tensor) -> Tensor:
    """(images, channels, height, width) -> (channels, images * height * width): a view of a tensor that lies so."""
    return x.transpose(0, 1).reshape(x.shape[1], -1)


def as_maps(rows: Tensor, like: Tensor) -> Tensor:
    """Undoes `as_rows`; `like` gives images, height and width."""
    return rows.view(-1, len(like), *like.shape[2:]).transpose(0, 1)


class Pointwise(nn.Conv2d):
    """A 1x1 convolution. With stride 2 it picks its pixels first: the gradient of a strided one's weights overruns its
    memory (torch 2.14.1, CPU, float32, channels_last, fewer than 8 input channels; glibc: "corrupted size")."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, groups: int = 1, bias: bool = False):
        super().__init__(inputs, outputs, 1, stride, groups=groups, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, :, :: self.stride[0], :: self.stride[1]]
        if x.device.type != "cpu":
            return F.conv2d(x, self.weight, self.bias, groups=self.groups)
        weight, rows = self.weight.flatten(1), as_rows(x)
        if self.groups == 1:
            rows = weight @ rows
        else:
            parts = (part.unflatten(0, (self.groups, -1)) for part in (weight, rows))
            rows = torch.bmm(*parts).flatten(0, 1)
        return as_maps(rows if self.bias is None else rows + self.bias[:, None], x)


class Depthwise(nn.Conv2d):
    """A depthwise convolution of dilation 1 or 2 that keeps the map's size at stride 1."""

    def __init__(self, channels: int, kernel: int, stride: int = 1, dilation: int = 1, bias: bool = False):
        padding = dilation * (kernel // 2)
        super().__init__(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu":
            return super().forward(x)
        y = convolve(x, self.weight, self.stride[0], self.dilation[0])
        return y if self.bias is None else y + self.bias.view(1, -1, 1, 1)


def convolve(x: Tensor, weight: Tensor, stride: int = 1, dilation: int = 1) -> Tensor:
    """Depthwise convolution on the CPU. weight: (channels, 1, k, k), k odd; zero padding keeps the map's size."""
    n, channels, height, width = x.shape
    kernel = weight.shape[-1]
    if height * width <= SMALL and torch.is_grad_enabled():  # forward alone, torch's own is as fast
        index, out = _toeplitz(height, width, kernel, stride, dilation)
        padded = torch.cat([weight.view(channels, -1), weight.new_zeros(channels, 1)], 1)
        matrix = padded.index_select(1, index).view(channels, height * width, -1)
        y = torch.bmm(x.transpose(0, 1).reshape(channels, n, height * width), matrix)
        return y.view(channels, n, *out).transpose(0, 1)
    if dilation == 1 and kernel == 3:
        return F.conv2d(x.contiguous(), weight, None, stride, 1, groups=channels)
    x = x.contiguous(memory_format=torch.channels_last)
    return depthwise(x, weight, stride) if dilation == 1 else dilated(x, weight, stride)


@cache
def _toeplitz(height: int, width: int, kernel: int, stride: int, dilation: int) -> tuple[Tensor, tuple[int, int]]:
    """Which weight of the kernel, counted row by row, joins each input pixel to each output pixel (kernel^2 where none
    does), and the size of the output."""
    reach = dilation * (kernel // 2)
    out = (height - 1) // stride + 1, (width - 1) // stride + 1

    def tap(inputs: int, outputs: int) -> Tensor:
        offset = torch.arange(inputs)[:, None] - torch.arange(outputs) * stride + reach
        inside = (offset >= 0) & (offset <= 2 * reach) & (offset % dilation == 0)
        return torch.where(inside, offset // dilation, -1)

    rows, columns = tap(height, out[0])[:, None, :, None], tap(width, out[1])[None, :, None, :]
    index = torch.where((rows >= 0) & (columns >= 0), rows * kernel + columns, kernel**2)
    return index.flatten(), out


class BatchNorm(nn.BatchNorm2d):
    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu":
            return super().forward(x)
        # Contiguous: torch 2.14.1 gives wrong gradients for one "image" whose strides may be read as channels_last.
        return as_maps(super().forward(as_rows(x).contiguous()[None])[0], x)

    def _check_input_dim(self, x: Tensor) -> None:
        """torch's own asks for four dimensions; rows of a channel have three."""


class MaxPool(nn.MaxPool2d):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) if x.device.type != "cpu" else super().forward(x.transpose(0, 1)).transpose(0, 1)


class AvgPool(nn.AvgPool2d):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) if x.device.type != "cpu" else super().forward(x.transpose(0, 1)).transpose(0, 1)


def concatenate(maps: Sequence[Tensor]) -> Tensor:
    """Channels of several tensors side by side."""
    if maps[0].device.type != "cpu":
        return torch.cat(list(maps), 1)
    return torch.cat([x.transpose(0, 1) for x in maps]).transpose(0, 1)
