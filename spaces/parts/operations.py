"""Operations of the cell spaces, as in quark0/darts, cnn/operations.py.

Every operation has two forms. *Evaluation*: batch normalisation learns a scale and a shift; pooling is not normalised.
*Search*: batch normalisation learns nothing (a learnt scale would cancel the mixture weights), follows pooling too, and
always uses the statistics of the batch (running averages over different mixtures mean nothing).
All map (images, channels, height, width) to the same number of channels; stride 2 halves the map, rounding up.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from spaces.parts.convolutions import Depthwise, Pointwise, even_and_odd


def batch_norm(channels: int, search: bool) -> nn.BatchNorm2d:
    """Batch normalisation in its evaluation or its search form."""
    return nn.BatchNorm2d(channels, affine=not search, track_running_stats=not search)


class Concat(nn.Module):
    """Maps (images, …, height, width) one behind another along the channels."""

    def forward(self, first: Tensor, *others: Tensor) -> Tensor:
        return torch.cat((first, *others), 1)


class Zero(nn.Module):
    """The operation `none`."""

    def __init__(self, stride: int):
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        # A product and not new zeros, so that the mixture stays a function of x, as in the public code.
        return x[:, :, :: self.stride, :: self.stride] * 0.0


class FactorizedReduce(nn.Module):
    """ReLU, then two 1x1 convolutions of stride 2, one of the even and one of the odd pixels; their results are
    concatenated and normalised. Pixels are picked before the convolution (see `Pointwise`)."""

    def __init__(self, inputs: int, outputs: int, search: bool = False):
        super().__init__()
        self.relu: nn.Module = nn.ReLU()
        self.conv_1 = Pointwise(inputs, outputs // 2)
        self.conv_2 = Pointwise(inputs, outputs - outputs // 2)
        self.bn = batch_norm(outputs, search)

    def forward(self, x: Tensor) -> Tensor:
        even, odd = even_and_odd(self.relu(x))
        return self.bn(torch.cat((self.conv_1(even), self.conv_2(odd)), 1))


class ReluConvBn(nn.Sequential):
    """ReLU, 1x1 convolution, batch normalisation: gives a cell's input the cell's number of channels."""

    def __init__(self, inputs: int, outputs: int, search: bool = False):
        super().__init__(nn.ReLU(), Pointwise(inputs, outputs), batch_norm(outputs, search))


def _unit(channels: int, kernel: int, stride: int, dilation: int, search: bool) -> tuple[nn.Module, ...]:
    depthwise = Depthwise(channels, kernel, stride, dilation)
    return nn.ReLU(), depthwise, Pointwise(channels, channels), batch_norm(channels, search)


class DilConv(nn.Sequential):
    """ReLU, a depthwise convolution of every second pixel, a 1x1 convolution, batch normalisation."""

    def __init__(self, channels: int, kernel: int, stride: int, search: bool = False):
        super().__init__(*_unit(channels, kernel, stride, 2, search))


class SepConv(nn.Sequential):
    """Twice: ReLU, a depthwise convolution, a 1x1 convolution, batch normalisation. The first one has the stride."""

    def __init__(self, channels: int, kernel: int, stride: int, search: bool = False):
        super().__init__(*_unit(channels, kernel, stride, 1, search), *_unit(channels, kernel, 1, 1, search))


Builder = Callable[[int, int, bool], nn.Module]
"""(channels, stride, search) -> operation"""


def _sep_conv(kernel: int) -> Builder:
    return lambda channels, stride, search: SepConv(channels, kernel, stride, search)


def _dil_conv(kernel: int) -> Builder:
    return lambda channels, stride, search: DilConv(channels, kernel, stride, search)


def _max_pool(kernel: int) -> Builder:
    return lambda channels, stride, search: _pooled(nn.MaxPool2d(kernel, stride, kernel // 2), channels, search)


def _conv(kernel: int) -> Builder:
    return lambda channels, stride, search: nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, stride, kernel // 2, bias=False),
        batch_norm(channels, search),
    )


def _avg_pool(channels: int, stride: int, search: bool) -> nn.Module:
    return _pooled(nn.AvgPool2d(3, stride, padding=1, count_include_pad=False), channels, search)


def _pooled(pool: nn.Module, channels: int, search: bool) -> nn.Module:
    return nn.Sequential(pool, batch_norm(channels, search)) if search else pool


def _skip(channels: int, stride: int, search: bool) -> nn.Module:
    return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels, search)


def _conv_7x1_1x7(channels: int, stride: int, search: bool) -> nn.Module:
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, channels, (1, 7), (1, stride), (0, 3), bias=False),
        nn.Conv2d(channels, channels, (7, 1), (stride, 1), (3, 0), bias=False),
        batch_norm(channels, search),
    )


BUILDERS: dict[str, Builder] = {
    "none": lambda channels, stride, search: Zero(stride),
    "max_pool_3x3": _max_pool(3),
    "avg_pool_3x3": _avg_pool,
    "skip_connect": _skip,
    "sep_conv_3x3": _sep_conv(3),
    "sep_conv_5x5": _sep_conv(5),
    "sep_conv_7x7": _sep_conv(7),
    "dil_conv_3x3": _dil_conv(3),
    "dil_conv_5x5": _dil_conv(5),
    "conv_7x1_1x7": _conv_7x1_1x7,
    "max_pool_5x5": _max_pool(5),
    "conv_1x1": _conv(1),
    "conv_3x3": _conv(3),
    "conv_5x5": _conv(5),
    "conv_7x7": _conv(7),
}


def operation(name: str, channels: int, stride: int, search: bool = False) -> nn.Module:
    """One operation with fresh weights, from `channels` to `channels`, of stride 1 or 2, in its evaluation or its
    search form. `name`: one of `spaces.parts.genotype.OPERATIONS`."""
    return BUILDERS[name](channels, stride, search)
