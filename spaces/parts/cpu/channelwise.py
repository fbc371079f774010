"""Layers of the evaluation networks, faster on a CPU than torch's own where channels are few and maps small.

Tensors keep their logical shape (images, channels, height, width), but in memory they lie as (channels, height, width,
images), the layout of `spaces.parts.cpu.kernels`. A 1x1 convolution then is one matrix product; depthwise convolutions
and batch normalisation are compiled kernels. A ReLU, convolutions and batch normalisation that follow each other are
one autograd function, a *unit*: for a few thousand pixels per channel, autograd's bookkeeping costs more than the
arithmetic. Parameters are torch's, and so are the results up to rounding.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.parts.convolutions import Depthwise, Pointwise
from spaces.parts.cpu.fused_function import FusedFunction
from spaces.parts.cpu.kernels import EPS, Convolution, Norm, apply, moments, slopes, unapply
from spaces.parts.cpu.layout import as_maps, as_memory
from spaces.parts.cpu.rearrange import Halves


def compute_units(x: Tensor, layers: Iterable[nn.Module]) -> Tensor:
    """Layers one after another, as one autograd function for each unit, which a batch normalisation ends."""
    unit = []
    for layer in layers:
        unit.append(layer)
        if isinstance(layer, nn.BatchNorm2d):
            x, unit = compute_fused(x, *unit), []
    return x


def compute_fused(x: Tensor, *parts: nn.Module) -> Tensor:
    """The layers of a unit, one after another, as one autograd function: a ReLU, a depthwise convolution, a 1x1
    convolution, batch normalisation. Only the last is required. x must be `usable`."""
    *before, norm = parts
    depthwise = next((part for part in before if isinstance(part, Depthwise)), None)
    pointwise = next((part for part in before if isinstance(part, Pointwise)), None)
    options = {"relu": any(isinstance(part, nn.ReLU) for part in before)}
    if depthwise is not None:
        options |= {"kernel": depthwise.weight, "stride": depthwise.stride[0], "dilation": depthwise.dilation[0]}
        options |= {"bias": depthwise.bias}
    if pointwise is not None:
        if (stride := pointwise.stride[0]) > 1:
            x = x[:, :, ::stride, ::stride]
        options |= {"matrix": _matrix(pointwise), "bias": pointwise.bias}
    return _through(x, norm, **options)


def _matrix(pointwise: Pointwise) -> Tensor:
    """The weights as one ungrouped kernel (outputs, inputs, 1, 1): block-diagonal where there are groups."""
    if pointwise.groups == 1:
        return pointwise.weight
    return torch.block_diag(*pointwise.weight.flatten(1).chunk(pointwise.groups))[:, :, None, None]


def reduce_map(x: Tensor, convolutions: Sequence[Pointwise], norm: nn.BatchNorm2d, relu: bool) -> Tensor:
    """The even pixels through one convolution and the odd ones through another, concatenated, then normalised; with
    `relu` behind a ReLU. (images, channels, height, width) to half the side."""
    matrix = torch.block_diag(*(convolution.weight.flatten(1) for convolution in convolutions))
    return _through(Halves.apply(x), norm, matrix=matrix[:, :, None, None], relu=relu)


def _through(x, norm, kernel=None, matrix=None, bias=None, relu=False, stride=1, dilation=1) -> Tensor:
    """A unit with `norm` as its batch normalisation; other arguments as in `convolve_and_normalise`. The bias of the
    last convolution only moves the mean: it is added to the running average instead of to the maps."""
    if not (norm.training or norm.running_mean is None):
        moved = 0 if bias is None else bias * norm.weight * (norm.running_var + EPS).rsqrt()
        form = _Unit.plain if torch.is_grad_enabled() else _evaluated
        averages = norm.running_mean, norm.running_var
        return form(x, kernel, matrix, norm.weight, norm.bias + moved, relu, stride, dilation, *averages)
    y, mean, inverse = _Unit.apply(x, kernel, matrix, norm.weight, norm.bias, relu, stride, dilation)
    _update_averages(norm, mean, inverse, bias, y.numel() // y.shape[1])
    return y


def convolve_and_normalise(x, kernel, matrix, scale, shift, relu=True, stride=1, dilation=1) -> Tensor:
    """A unit with given weights and the statistics of the batch.

    x: (images, channels, height, width); kernel: (channels, 1, k, k) or None; matrix: (outputs, channels, 1, 1) or
    None; scale and shift of the normalisation: (outputs,) or None. `relu`: whether a ReLU comes first. stride and
    dilation are the kernel's.
    """
    return _Unit.apply(x, kernel, matrix, scale, shift, relu, stride, dilation)[0]


def _update_averages(norm: nn.BatchNorm2d, mean: Tensor, inverse: Tensor, bias: Tensor | None, count: int) -> None:
    """Moves the running averages as torch does. The bias of a convolution in front has no gradient."""
    if norm.running_mean is not None:
        batches = norm.num_batches_tracked.add_(1)
        momentum = 1 / int(batches) if norm.momentum is None else norm.momentum
        norm.running_mean.lerp_(mean if bias is None else mean + bias.detach(), momentum)
        norm.running_var.lerp_((inverse.pow(-2) - EPS) * (count / max(count - 1, 1)), momentum)


def _evaluated(x, kernel, matrix, scale, shift, relu, stride, dilation, mean, variance) -> Tensor:
    """A unit with running averages, without gradients."""
    if kernel is not None:
        raw, *_ = _convolution(kernel, matrix, stride, dilation).forward(as_memory(x), Norm(relu=relu))
    else:
        raw = _product(apply(as_memory(x), Norm(relu=relu)) if relu else as_memory(x), matrix)
    return as_maps(apply(raw, Norm(mean, (variance + EPS).rsqrt(), scale, shift)))


def _convolution(kernel: Tensor, matrix: Tensor | None, stride: int, dilation: int) -> Convolution:
    return Convolution(kernel, None if matrix is None else matrix.flatten(1)[None], stride, dilation)


def _product(maps: Tensor, matrix: Tensor | None) -> Tensor:
    """A 1x1 convolution of maps in memory layout."""
    return maps if matrix is None else (matrix.flatten(1) @ maps.flatten(1)).unflatten(1, maps.shape[1:])


class _Unit(FusedFunction):
    """(result, mean, 1 / deviation) of a unit. The latter two, (outputs,), are the statistics of the maps in front of
    the normalisation. Arguments as in `convolve_and_normalise`."""

    @staticmethod
    def plain(x, kernel, matrix, scale, shift, relu, stride, dilation, mean=None, variance=None):
        """Only the result. With mean and variance, these are used instead of the batch's."""
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
            return _Unit.plain_backward(ctx, g)
        x, kernel, matrix, scale, shift, maps, raw, mean, inverse = ctx.saved_tensors
        (relu, stride, dilation), (needs_x, *train) = ctx.constants, ctx.needs_input_grad[:3]
        g, norm, of_kernel, of_matrix, into = as_memory(g), Norm(mean, inverse, scale, shift), None, None, None
        sums = slopes(raw, norm, g)
        if kernel is not None:
            into = torch.empty_like(maps) if needs_x else None
            convolution = _convolution(kernel, matrix, stride, dilation)
            of_kernel, of_matrix, _ = convolution.backward(maps, Norm(relu=relu), raw, norm, sums, g, into, any(train))
        else:
            g = unapply(raw, norm, sums, g)
            if matrix is not None:
                of_matrix = g.flatten(1) @ maps.flatten(1).t() if train[1] else None
                g = _product(g, matrix.flatten(1).t()) if needs_x else None
            into = unapply(maps, Norm(relu=True), None, g) if relu and needs_x else g
        of_matrix = None if of_matrix is None else of_matrix.view_as(matrix)
        of_shift, of_scale = (None if scale is None else part.to(scale.dtype) for part in sums.unbind(1))
        return None if into is None else as_maps(into), of_kernel, of_matrix, of_scale, of_shift, None, None, None
