"""The layers of evaluation networks, faster on a CPU than torch's own where channels are few and maps small.

Tensors keep their logical shape (images, channels, height, width) but lie in memory as (channels, height, width,
images): a 1x1 convolution is one matrix product, batch normalisation runs over one contiguous row a channel, a
depthwise convolution is a few products (`_bands`), pooling is vectorised over the images. ReLU, convolutions and batch
normalisation that follow each other are one step of autograd (`Unit`): at a few thousand pixels a channel its
bookkeeping costs more than the arithmetic. Parameters are torch's, results too up to rounding. Elsewhere than on the
CPU, for no images, and in mixed precision, these are torch's layers.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function

from spaces._bands import plan
from spaces._normalisation import EPS, ByCovariance, ByRows

LONG = 4096  # pixels of a channel, from which passes over them cost more than a dozen small operations


def fused(x: Tensor) -> bool:
    """Whether the layers here compute in their own way. Not for a batch of no images, whose shapes alone are asked for:
    there every layer is called, so that hooks see it. Nor in mixed precision: its casts are of torch's layers."""
    return x.device.type == "cpu" and len(x) > 0 and not torch.is_autocast_enabled("cpu")


def as_memory(x: Tensor) -> Tensor:
    """(images, channels, height, width) -> (channels, height, width, images), contiguous."""
    return x.permute(1, 2, 3, 0).contiguous()


def as_maps(x: Tensor) -> Tensor:
    """Undoes `as_memory`."""
    return x.permute(3, 0, 1, 2)


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
        return normalised(x, self) if fused(x) else super().forward(x)


class Unit(nn.Sequential):
    """ReLU, depthwise convolution, 1x1 convolution, batch normalisation, in this order; only the last must be there."""

    def forward(self, x: Tensor) -> Tensor:
        return normalised(x, *self) if fused(x) else super().forward(x)


def normalised(x: Tensor, *parts: nn.Module) -> Tensor:
    """The parts of a `Unit`, one after another, as one step of autograd. On the CPU."""
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
        form = _plainly if torch.is_grad_enabled() else _folded
        averages = norm.running_mean, norm.running_var
        return form(x, kernel, matrix, norm.weight, norm.bias + moved, relu, stride, dilation, *averages)
    y, mean, variance = convolve_and_normalise(x, kernel, matrix, norm.weight, norm.bias, relu, stride, dilation)
    _remember(norm, mean, variance, bias, y.numel() // y.shape[1])
    return y


def convolve_and_normalise(x, kernel, matrix, scale, shift, relu=True, stride=1, dilation=1):
    """(result, mean, variance) of a `Unit` with the statistics of the batch: those of each channel in front of batch
    normalisation, without gradients.

    kernel: (channels, 1, k, k) or None; matrix: (outputs, channels, 1, 1) or None; scale and shift: (outputs,) or None.
    stride and dilation: the kernel's. Elsewhere than on the CPU there is only the result.
    """
    if not fused(x):
        return _plainly(x, kernel, matrix, scale, shift, relu, stride, dilation), None, None
    return _Normalised.apply(x, kernel, matrix, scale, shift, relu, stride, dilation)


def _remember(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor, bias: Tensor | None, count: int) -> None:
    """Running averages, as torch's. The bias of a convolution in front of batch normalisation moves the mean and
    nothing else: it is not added to the maps, and has no gradient."""
    if norm.running_mean is not None:
        norm.running_mean.lerp_(mean if bias is None else mean + bias.detach(), norm.momentum)
        norm.running_var.lerp_(variance * (count / max(count - 1, 1)), norm.momentum)


def _folded(x, kernel, matrix, scale, shift, relu, stride, dilation, mean, variance) -> Tensor:
    """With running averages: batch normalisation is part of the last convolution."""
    scale = scale * (variance + EPS).rsqrt()
    shift, x = (shift - mean * scale)[:, None], as_memory(x)
    if kernel is not None:
        step = plan(*x.shape[1:3], kernel.shape[-1], stride, dilation, x.dtype)
        x = step.convolve(step.room(x, relu), step.matrix(kernel))
    elif relu:
        x = F.relu(x)
    rows, scale = x.flatten(1), scale[:, None]
    rows = torch.addcmul(shift, rows, scale) if matrix is None else torch.addmm(shift, matrix.flatten(1) * scale, rows)
    return as_maps(rows.unflatten(1, x.shape[1:]))


def _plainly(x, kernel, matrix, scale, shift, relu, stride, dilation, mean=None, variance=None) -> Tensor:
    """Step by step, with the statistics of the batch where none are given."""
    x = F.relu(x) if relu else x
    if kernel is not None:
        x = F.conv2d(x, kernel, None, stride, dilation * (kernel.shape[-1] // 2), dilation, len(kernel))
    x = x if matrix is None else F.conv2d(x, matrix)
    return F.batch_norm(x, mean, variance, scale, shift, mean is None, 0.0, EPS)


class _Normalised(Function):
    """See `convolve_and_normalise`. Where its gradient is to be differentiated again, it is that of `_plainly`."""

    @staticmethod
    def forward(ctx, x, kernel, matrix, scale, shift, relu, stride, dilation):
        maps, step = as_memory(x), None
        if kernel is not None:
            step = plan(*maps.shape[1:3], kernel.shape[-1], stride, dilation, x.dtype)
            room, toeplitz = step.room(maps, relu), step.matrix(kernel)
            hidden = step.convolve(room, toeplitz)
        else:
            room, toeplitz = None, None
            hidden = F.relu(maps) if relu else maps
        shape, rows = hidden.shape[1:], hidden.flatten(1)
        flat = None if matrix is None else matrix.flatten(1)
        form = ByRows
        if flat is not None and flat.shape[0] >= flat.shape[1] and rows.shape[1] >= LONG:
            form = ByCovariance
        y, mean, variance, saved = form.forward(rows, flat, scale, shift, owned=hidden is not maps)
        ctx.form, ctx.step, ctx.shape, ctx.options = form, step, shape, (relu, stride, dilation)
        ctx.save_for_backward(x, kernel, matrix, scale, shift, room, toeplitz, *saved)
        ctx.mark_non_differentiable(mean, variance)
        return as_maps(y.unflatten(1, shape)), mean, variance

    @staticmethod
    def backward(ctx, grad, *_):
        x, kernel, matrix, scale, shift, room, toeplitz, *saved = ctx.saved_tensors
        relu, step, wanted = ctx.options[0], ctx.step, ctx.needs_input_grad
        if torch.is_grad_enabled():
            return *_plain_gradients((x, kernel, matrix, scale, shift), ctx.options, wanted, grad), None, None, None
        rows = as_memory(grad).flatten(1)
        flat = None if matrix is None else matrix.flatten(1)
        g, for_matrix, *others = ctx.form.backward(rows, flat, scale, saved, wanted[0] or wanted[1], wanted[2])
        for_matrix = None if for_matrix is None else for_matrix.view_as(matrix)
        g, for_kernel = g if g is None else g.unflatten(1, ctx.shape), None
        if step is not None and g is not None:
            for_kernel = step.for_weight(room, g) if wanted[1] else None
            g = step.for_input(g, toeplitz) if wanted[0] else None
        if relu and g is not None:
            g = torch.ops.aten.threshold_backward(g, as_memory(x) if step is None else step.inner(room), 0)
        return g if g is None else as_maps(g), for_kernel, for_matrix, *others, None, None, None


def _plain_gradients(inputs, options, wanted, grad) -> list[Tensor | None]:
    with torch.enable_grad():
        y = _plainly(*inputs, *options)
    chosen = [tensor for tensor, needed in zip(inputs, wanted) if needed]
    found = iter(torch.autograd.grad(y, chosen, grad, create_graph=True))
    return [next(found) if needed else None for needed in wanted[: len(inputs)]]


class MaxPool(nn.MaxPool2d):
    """Images lie innermost: to torch they are the channels of channels_last."""

    def forward(self, x: Tensor) -> Tensor:
        return _over_images(super().forward, x) if fused(x) else super().forward(x)


class AvgPool(nn.AvgPool2d):
    """As `MaxPool`."""

    def forward(self, x: Tensor) -> Tensor:
        return _over_images(super().forward, x) if fused(x) else super().forward(x)


def _over_images(pool, x: Tensor) -> Tensor:
    return pool(as_memory(x).permute(0, 3, 1, 2)).transpose(0, 1)


def concatenate(maps: Sequence[Tensor]) -> Tensor:
    """Channels of several tensors side by side."""
    if not fused(maps[0]):
        return torch.cat(list(maps), 1)
    return as_maps(torch.cat([x.permute(1, 2, 3, 0) for x in maps]))


def joined(maps: Sequence[Tensor], convolutions: Sequence[Pointwise], norm: nn.BatchNorm2d) -> Tensor:
    """Each map through its convolution, side by side, normalised together."""
    if not fused(maps[0]):
        return norm(concatenate([convolution(x) for x, convolution in zip(maps, convolutions)]))
    matrix = torch.block_diag(*(convolution.matrix().flatten(1) for convolution in convolutions))
    return _through(concatenate(maps), norm, matrix=matrix[:, :, None, None])
