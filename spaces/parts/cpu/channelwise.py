"""The layers of evaluation networks, faster on a CPU than torch's own where channels are few and maps small.

Tensors keep their logical shape (images, channels, height, width) but lie in memory as (channels, height, width,
images), as `_kernels` takes them: a 1x1 convolution is one matrix product, a depthwise one and batch normalisation are
ours, pooling is vectorised over the images. ReLU, convolutions and batch normalisation that follow each other are one
step of autograd (`Unit`): at a few thousand pixels a channel its bookkeeping costs more than the arithmetic. Parameters
are torch's, results too up to rounding. What is not `usable` there computes with torch's layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.parts.cpu.kernels import EPS, Convolution, Norm, apply, moments, slopes, unapply, usable
from spaces.parts.cpu.steps import Step, as_maps, as_memory


class Pointwise(nn.Conv2d):
    """A 1x1 convolution. With stride 2 it picks its pixels first: the gradient of a strided one's weights overruns its
    memory (torch 2.14.1, CPU, float32, channels_last, fewer than 8 input channels; glibc: "corrupted size")."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, groups: int = 1, bias: bool = False):
        super().__init__(inputs, outputs, 1, stride, groups=groups, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x[:, :, :: self.stride[0], :: self.stride[1]], self.weight, self.bias, groups=self.groups)

    def matrix(self) -> Tensor:
        """(outputs, inputs, 1, 1): of groups a block each."""
        if self.groups == 1:
            return self.weight
        return torch.block_diag(*self.weight.flatten(1).chunk(self.groups))[:, :, None, None]


class Depthwise(nn.Conv2d):
    """A depthwise convolution that keeps the map's size at stride 1; the kernel is odd."""

    def __init__(self, channels: int, kernel: int, stride: int = 1, dilation: int = 1, bias: bool = False):
        padding = dilation * (kernel // 2)
        super().__init__(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=bias)


class BatchNorm(nn.BatchNorm2d):
    def forward(self, x: Tensor) -> Tensor:
        return normalised(x, self) if usable(x) else super().forward(x)


class Unit(nn.Sequential):
    """ReLU, depthwise convolution, 1x1 convolution, batch normalisation, in this order; only the last must be there."""

    def forward(self, x: Tensor) -> Tensor:
        return normalised(x, *self) if usable(x) else super().forward(x)


def normalised(x: Tensor, *parts: nn.Module) -> Tensor:
    """The parts of a `Unit`, one after another, as one step of autograd. x is `usable`."""
    found = {type(part): part for part in parts}
    depthwise, pointwise, norm = found.get(Depthwise), found.get(Pointwise), parts[-1]
    options = {"relu": nn.ReLU in found}
    if depthwise is not None:
        options |= {"kernel": depthwise.weight, "stride": depthwise.stride[0], "dilation": depthwise.dilation[0]}
        options |= {"bias": depthwise.bias}
    if pointwise is not None:
        if (stride := pointwise.stride[0]) > 1:
            x = x[:, :, ::stride, ::stride]
        options |= {"matrix": pointwise.matrix(), "bias": pointwise.bias}
    return _through(x, norm, **options)


def _through(x, norm, kernel=None, matrix=None, bias=None, relu=False, stride=1, dilation=1) -> Tensor:
    if not (norm.training or norm.running_mean is None):
        moved = 0 if bias is None else bias * norm.weight * (norm.running_var + EPS).rsqrt()
        form = _Unit.plain if torch.is_grad_enabled() else _evaluated
        averages = norm.running_mean, norm.running_var
        return form(x, kernel, matrix, norm.weight, norm.bias + moved, relu, stride, dilation, *averages)
    y, mean, inverse = _Unit.apply(x, kernel, matrix, norm.weight, norm.bias, relu, stride, dilation)
    _remember(norm, mean, inverse, bias, y.numel() // y.shape[1])
    return y


def convolve_and_normalise(x, kernel, matrix, scale, shift, relu=True, stride=1, dilation=1) -> Tensor:
    """A `Unit` with the statistics of the batch.

    kernel: (channels, 1, k, k) or None; matrix: (outputs, channels, 1, 1) or None; scale and shift: (outputs,) or None.
    stride and dilation: the kernel's.
    """
    if not usable(x):
        return _Unit.plain(x, kernel, matrix, scale, shift, relu, stride, dilation)
    return _Unit.apply(x, kernel, matrix, scale, shift, relu, stride, dilation)[0]


def _remember(norm: nn.BatchNorm2d, mean: Tensor, inverse: Tensor, bias: Tensor | None, count: int) -> None:
    """Running averages, as torch's. The bias of a convolution in front of batch normalisation moves the mean and
    nothing else: it is not added to the maps, and has no gradient."""
    if norm.running_mean is not None:
        norm.running_mean.lerp_(mean if bias is None else mean + bias.detach(), norm.momentum)
        norm.running_var.lerp_((inverse.pow(-2) - EPS) * (count / max(count - 1, 1)), norm.momentum)


def _evaluated(x, kernel, matrix, scale, shift, relu, stride, dilation, mean, variance) -> Tensor:
    """With running averages."""
    if kernel is not None:
        raw, *_ = _convolution(kernel, matrix, stride, dilation).forward(as_memory(x), Norm(relu=relu))
    else:
        raw = _product(apply(as_memory(x), Norm(relu=relu)) if relu else as_memory(x), matrix)
    return as_maps(apply(raw, Norm(mean, (variance + EPS).rsqrt(), scale, shift)))


def _convolution(kernel: Tensor, matrix: Tensor | None, stride: int, dilation: int) -> Convolution:
    return Convolution(kernel, None if matrix is None else matrix.flatten(1)[None], stride, dilation)


def _product(maps: Tensor, matrix: Tensor | None) -> Tensor:
    return maps if matrix is None else (matrix.flatten(1) @ maps.flatten(1)).unflatten(1, maps.shape[1:])


class _Unit(Step):
    """(result, mean, 1 / deviation) of a `Unit`: those of each channel in front of batch normalisation."""

    @staticmethod
    def plain(x, kernel, matrix, scale, shift, relu, stride, dilation, mean=None, variance=None):
        x = F.relu(x) if relu else x
        if kernel is not None:
            x = _convolution(kernel, matrix, stride, dilation).plain(x)
        elif matrix is not None:
            x = F.conv2d(x, matrix)
        return F.batch_norm(x, mean, variance, scale, shift, mean is None, 0.0, EPS)

    @staticmethod
    def forward(ctx, x, kernel, matrix, scale, shift, relu, stride, dilation):
        maps = as_memory(x)
        if kernel is not None:
            raw, mean, inverse = _convolution(kernel, matrix, stride, dilation).forward(maps, Norm(relu=relu))
        else:
            maps = apply(maps, Norm(relu=True)) if relu else maps
            raw = _product(maps, matrix)
            mean, inverse = moments(raw)
        ctx.constants = relu, stride, dilation
        ctx.save_for_backward(x, kernel, matrix, scale, shift, maps, raw, mean, inverse)
        ctx.mark_non_differentiable(mean, inverse)
        return as_maps(apply(raw, Norm(mean, inverse, scale, shift))), mean, inverse

    @staticmethod
    def backward(ctx, g, *_):
        if torch.is_grad_enabled():
            return _Unit.again(ctx, g)
        x, kernel, matrix, scale, shift, maps, raw, mean, inverse = ctx.saved_tensors
        (relu, stride, dilation), (for_x, *train) = ctx.constants, ctx.needs_input_grad[:3]
        g, norm, for_kernel, for_matrix, into = as_memory(g), Norm(mean, inverse, scale, shift), None, None, None
        sums = slopes(raw, norm, g)
        if kernel is not None:
            into = torch.empty_like(maps) if for_x else None
            convolution = _convolution(kernel, matrix, stride, dilation)
            for_kernel, for_matrix, _ = convolution.backward(
                maps, Norm(relu=relu), raw, norm, sums, g, into, any(train)
            )
        else:
            g = unapply(raw, norm, sums, g)
            if matrix is not None:
                for_matrix = g.flatten(1) @ maps.flatten(1).t() if train[1] else None
                g = _product(g, matrix.flatten(1).t()) if for_x else None
            into = unapply(maps, Norm(relu=True), None, g) if relu and for_x else g
        for_matrix = None if for_matrix is None else for_matrix.view_as(matrix)
        for_shift, for_scale = (None if scale is None else part.to(scale.dtype) for part in sums.unbind(1))
        return None if into is None else as_maps(into), for_kernel, for_matrix, for_scale, for_shift, None, None, None


class MaxPool(nn.MaxPool2d):
    """Images lie innermost: to torch they are the channels of channels_last."""

    def forward(self, x: Tensor) -> Tensor:
        return _over_images(super().forward, x) if usable(x) else super().forward(x)


class AvgPool(nn.AvgPool2d):
    """As `MaxPool`."""

    def forward(self, x: Tensor) -> Tensor:
        return _over_images(super().forward, x) if usable(x) else super().forward(x)


def _over_images(pool, x: Tensor) -> Tensor:
    return pool(as_memory(x).permute(0, 3, 1, 2)).transpose(0, 1)


def concatenate(maps: Sequence[Tensor]) -> Tensor:
    """Channels of several tensors side by side."""
    if not usable(maps[0]):
        return torch.cat(list(maps), 1)
    return as_maps(torch.cat([x.permute(1, 2, 3, 0) for x in maps]))


def divided(x: Tensor, channels: int) -> tuple[Tensor, Tensor]:
    """The first channels and the others."""
    if not usable(x):
        return x[:, :channels], x[:, channels:]
    return tuple(as_maps(part) for part in as_memory(x).split((channels, x.shape[1] - channels)))


def even_and_odd(x: Tensor) -> tuple[Tensor, Tensor]:
    """Every second row and column, from the first and from the second; odd maps, on which the public code fails, are
    padded with zeros."""
    height, width = x.shape[2:]
    if height % 2 or width % 2:
        x = F.pad(x, (0, width % 2, 0, height % 2))
    return x[:, :, ::2, ::2], x[:, :, 1::2, 1::2]


class Halves(Step):
    """Of `even_and_odd` both, side by side."""

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
            return Halves.again(ctx, g)
        into = g.new_zeros(ctx.shape)
        for part, half in _pairs(into, as_memory(g)):
            part.copy_(half)
        return as_maps(into)


def _pairs(maps: Tensor, halves: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Even and odd pixels in (channels, height, width, images), and where they stand in `halves`."""
    for first, half in enumerate(halves.chunk(2)):
        part = maps[:, first::2, first::2]
        yield part, half[:, : part.shape[1], : part.shape[2]]


def reduced(x: Tensor, convolutions: Sequence[Pointwise], norm: nn.BatchNorm2d, relu: bool) -> Tensor:
    """Even and odd pixels, each through a convolution, side by side, normalised together."""
    if not usable(x):
        halves = even_and_odd(F.relu(x) if relu else x)
        return norm(torch.cat([convolution(half) for half, convolution in zip(halves, convolutions)], 1))
    matrix = torch.block_diag(*(convolution.weight.flatten(1) for convolution in convolutions))
    return _through(Halves.apply(x), norm, matrix=matrix[:, :, None, None], relu=relu)
