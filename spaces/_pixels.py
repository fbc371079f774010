"""Pointwise convolutions and batch normalisation of maps that lie pixel by pixel, in groups: matrix products.

Maps are matrices here, (pixels of all images, channels): what channels_last is in memory. A batch normalisation that
follows a pointwise convolution W needs no pass over its input y = W z: for centred z the variance of y is the diagonal
of W cov(z) W', so that it becomes a scale of W's rows, and the normalised maps of several convolutions are summed in
one accumulating product. Only z is read and kept. Each function is linear in each argument (or a square), and is
differentiated by its cousins, to any order.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.autograd import Function

EPS = 1e-5  # torch's, in batch normalisation
NARROW = 16
"""Channels of a group below which groups are multiplied as one matrix of diagonal blocks, up to 2 * NARROW wide: a
narrower product costs more in overhead than it saves in zeros (8 channels, 4 groups, 64 images of 16x16: 0.4 ms instead
of 0.7)."""


def flat(x: Tensor) -> Tensor:
    """(images, channels, height, width) -> (pixels, channels): a view where x is channels_last."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])


def maps(rows: Tensor, like: Tensor) -> Tensor:
    """Undoes `flat`; `like` gives images, height and width."""
    return rows.view(len(like), *like.shape[2:], -1).permute(0, 3, 1, 2)


def normed(z: Sequence[Tensor], weights: Sequence[Tensor], scales: Sequence[Tensor] | None = None) -> list[Tensor]:
    """Matrices (groups, inputs, outputs) of each of several convolutions with the batch normalisation behind it.

    z: centred (pixels, groups * inputs); weights: (groups * outputs, inputs, 1, 1); scales: (groups * outputs) or None.
    """
    groups = z[0].shape[1] // weights[0].shape[1]
    kernels = torch.cat([weight.view(groups, -1, weight.shape[1]) for weight in weights])
    moments = torch.cat([moment(part, groups) for part in z])
    variances = (torch.bmm(kernels, moments) * kernels).sum(2) / len(z[0])
    gains = (variances + EPS).rsqrt()
    if scales is not None:
        gains = gains * torch.cat([scale.view(groups, -1) for scale in scales])
    return list((kernels * gains[..., None]).transpose(1, 2).split(groups))


def center(x: Tensor) -> Tensor:
    """Maps (images, channels, height, width) less the mean of each channel, in their own memory: x must be fresh."""
    return _Center.apply(x)


def moment(x: Tensor, groups: int) -> Tensor:
    """(pixels, groups * channels) -> (groups, channels, channels): the products of each group's channels, summed."""
    return _Moment.apply(x, groups)


def blend(x: Sequence[Tensor], matrices: Sequence[Tensor]) -> Tensor:
    """The sum of products x_k M_k, group by group. x_k: (pixels, groups * inputs); M_k: (groups, inputs, outputs)."""
    return _Blend.apply(*x, *matrices)


class _Center(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.sub_(x.mean((0, 2, 3), keepdim=True))

    @staticmethod
    def backward(ctx, g):
        return g - g.mean((0, 2, 3), keepdim=True)


class _Blend(Function):
    @staticmethod
    def forward(ctx, *parts):
        ctx.save_for_backward(*parts)
        half = len(parts) // 2
        y = parts[0].new_empty(len(parts[0]), parts[half].shape[0] * parts[half].shape[2])
        for k, (x, matrix) in enumerate(zip(parts[:half], parts[half:])):
            _multiply(y, x, matrix, add=k > 0)
        return y

    @staticmethod
    def backward(ctx, g):
        half = len(ctx.saved_tensors) // 2
        x, matrices = ctx.saved_tensors[:half], ctx.saved_tensors[half:]
        wanted = ctx.needs_input_grad
        by_x = [_Blend.apply(g, m.transpose(1, 2)) if need else None for m, need in zip(matrices, wanted)]
        by_m = [_Gram.apply(a, g, len(m)) if n else None for a, m, n in zip(x, matrices, wanted[half:])]
        return *by_x, *by_m


class _Gram(Function):
    """Products x'y of each group."""

    @staticmethod
    def forward(ctx, x, y, groups):
        ctx.save_for_backward(x, y)
        return _gram(x, y, groups)

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        by_x = _Blend.apply(y, g.transpose(1, 2)) if ctx.needs_input_grad[0] else None
        return by_x, _Blend.apply(x, g) if ctx.needs_input_grad[1] else None, None


class _Moment(Function):
    @staticmethod
    def forward(ctx, x, groups):
        ctx.save_for_backward(x)
        return _gram(x, x, groups)

    @staticmethod
    def backward(ctx, g):
        return _Blend.apply(*ctx.saved_tensors, g + g.transpose(1, 2)), None


def _multiply(y: Tensor, x: Tensor, matrix: Tensor, add: bool) -> None:
    groups, inputs, outputs = matrix.shape
    if groups == 1:
        _product(y, x, matrix[0], add)
    elif min(inputs, outputs) >= NARROW:
        parts = [part.view(len(part), groups, -1).transpose(0, 1) for part in (y, x)]
        torch.baddbmm(*([parts[0], parts[1], matrix]), beta=float(add), out=parts[0])
    else:
        step = 2 * NARROW // min(inputs, outputs)
        for first in range(0, groups, step):
            part = matrix[first : first + step]
            last = first + len(part)
            blocks = _blocks(part)
            _product(y[:, first * outputs : last * outputs], x[:, first * inputs : last * inputs], blocks, add)


def _product(y: Tensor, x: Tensor, matrix: Tensor, add: bool) -> None:
    if add:
        y.addmm_(x, matrix)
    else:
        torch.mm(x, matrix, out=y)


def _blocks(matrix: Tensor) -> Tensor:
    groups, inputs, outputs = matrix.shape
    blocks = matrix.new_zeros(groups, inputs, groups, outputs)
    blocks.diagonal(0, 0, 2).copy_(matrix.permute(1, 2, 0))
    return blocks.view(groups * inputs, groups * outputs)


def _gram(x: Tensor, y: Tensor, groups: int) -> Tensor:
    inputs, outputs = x.shape[1] // groups, y.shape[1] // groups
    if groups == 1 or min(inputs, outputs) >= NARROW:
        return torch.bmm(x.view(-1, groups, inputs).permute(1, 2, 0), y.view(-1, groups, outputs).transpose(0, 1))
    step, parts = 2 * NARROW // min(inputs, outputs), []
    for first in range(0, groups, step):
        some = min(step, groups - first)
        full = x[:, first * inputs : (first + some) * inputs].t() @ y[:, first * outputs : (first + some) * outputs]
        parts.append(full.view(some, inputs, some, outputs).diagonal(0, 0, 2).permute(2, 0, 1))
    return torch.cat(parts)
