"""Batch normalisation and sets of products on a CPU, with their gradients, of maps that lie pixel by pixel: matrices
(pixels of all images, channels), which is how channels_last lies in memory."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces._normalisation import EPS


def rows(x: Tensor) -> Tensor:
    """(images, channels, height, width) -> (pixels, channels): a view where x is channels_last."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])


def maps(x: Tensor, height: int, width: int) -> Tensor:
    """Undoes `rows`."""
    return x.view(-1, height, width, x.shape[1]).permute(0, 3, 1, 2)


def normalised(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    return rows(F.batch_norm(maps(x, 1, len(x)), None, None, scale, shift, True, 0.0, EPS))


def normalise(x: Tensor, scale: Tensor, shift: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
    """x with the statistics of the batch, and what `for_normalised` needs."""
    y, mean, inverse = torch.native_batch_norm(maps(x, 1, len(x)), scale, shift, None, None, True, 0.0, EPS)
    return rows(y), (x, scale, mean, inverse)


def for_normalised(g: Tensor, saved: Sequence[Tensor], affine: bool) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Gradients of x, and with `affine` of scale and shift."""
    x, scale, mean, inverse = saved
    found = torch.ops.aten.native_batch_norm_backward(
        maps(g, 1, len(g)), maps(x, 1, len(x)), scale, None, None, mean, inverse, True, EPS, [True, affine, affine]
    )
    return rows(found[0]), *found[1:]


MANY = 4096  # pixels, from which torch's matrix product to few outputs takes twice as long as its convolution


def product(x: Tensor, matrix: Tensor) -> Tensor:
    """x @ matrix', where the outputs are few."""
    if len(x) < MANY:
        return x @ matrix.t()
    return rows(F.conv2d(maps(x, 1, len(x)), matrix[:, :, None, None]))


class ByPasses:
    """The positive part of x @ matrix', normalised."""

    @staticmethod
    def forward(x: Tensor, matrix: Tensor, scale: Tensor, shift: Tensor, out: Tensor) -> tuple[Tensor, ...]:
        """Fills `out`; gives what the gradient needs."""
        y, saved = normalise(x @ matrix.t(), scale, shift)
        torch.clamp_min(y, 0, out=out)
        return saved

    @staticmethod
    def backward(
        g: Tensor, x: Tensor, matrix: Tensor, scale: Tensor, saved: Sequence[Tensor], into: Tensor | None, train: bool
    ) -> tuple[Tensor | None, ...]:
        """Adds the gradient of x to `into`; gives, to `train`, those of matrix, scale and shift."""
        g, *affine = for_normalised(g, saved, train)
        if into is not None:
            into.add_(product(g, matrix.t()))
        return (x.t() @ g).t() if train else None, *affine


class ByCovariance:
    """The same: the statistics follow from the covariance of x, its few inputs, without a pass over the product."""

    @staticmethod
    def forward(x: Tensor, matrix: Tensor, scale: Tensor, shift: Tensor, out: Tensor) -> tuple[Tensor, ...]:
        centred = x - x.mean(0)
        spread = matrix @ (centred.t() @ centred / len(x))
        inverse = ((spread * matrix).sum(1) + EPS).rsqrt()
        weight = matrix * (inverse * scale)[:, None]
        torch.addmm(shift, centred, weight.t(), out=out).relu_()
        return centred, spread, inverse, weight

    @staticmethod
    def backward(
        g: Tensor, x: Tensor, matrix: Tensor, scale: Tensor, saved: Sequence[Tensor], into: Tensor | None, train: bool
    ) -> tuple[Tensor | None, ...]:
        centred, spread, inverse, weight = saved
        total, moment = g.sum(0), (centred.t() @ g).t()
        along = (moment * matrix).sum(1) * inverse
        slope = (along * inverse)[:, None]
        if into is not None:
            into.add_(product(g, weight.t())).add_(total @ weight, alpha=-1 / len(g))
            into.addmm_(centred, (matrix * slope).t() @ weight, alpha=-1 / len(g))
        return (moment - spread * slope) * (inverse * scale)[:, None], along, total


class Products:
    """1x1 convolutions, each of its own channels. Weights are flat, one convolution's behind the other's."""

    def __init__(self, convolutions: Sequence[nn.Conv2d]):
        self.runs = [[(c.out_channels // c.groups, c.in_channels // c.groups)] * c.groups for c in convolutions]
        self.inputs = [sum(inputs for _, inputs in run) for run in self.runs]
        self.outputs = [sum(outputs for outputs, _ in run) for run in self.runs]
        self.sizes = [outputs * inputs for run in self.runs for outputs, inputs in run]

    def matrices(self, weights: Tensor) -> list[Tensor]:
        """(outputs, inputs) of each product."""
        parts = iter(weights.split(self.sizes))
        blocks = [[next(parts).view(shape) for shape in run] for run in self.runs]
        return [run[0] if len(run) == 1 else torch.block_diag(*run) for run in blocks]

    def forward(self, x: Tensor, matrices: Sequence[Tensor]) -> Tensor:
        y = x.new_empty(len(x), sum(self.outputs))
        for part, into, matrix in zip(x.split(self.inputs, 1), y.split(self.outputs, 1), matrices):
            torch.mm(part, matrix.t(), out=into)
        return y

    def for_input(self, g: Tensor, matrices: Sequence[Tensor]) -> Tensor:
        result = g.new_empty(len(g), sum(self.inputs))
        for part, into, matrix in zip(g.split(self.outputs, 1), result.split(self.inputs, 1), matrices):
            torch.mm(part, matrix, out=into)
        return result

    def for_weights(self, x: Tensor, g: Tensor) -> Tensor:
        parts = []
        for part, to, run in zip(x.split(self.inputs, 1), g.split(self.outputs, 1), self.runs):
            matrix = to.t() @ part
            ends = zip(accumulate(outputs for outputs, _ in run), accumulate(inputs for _, inputs in run))
            parts += [matrix[a - m : a, b - n : b].reshape(-1) for (m, n), (a, b) in zip(run, ends)]
        return torch.cat(parts)
