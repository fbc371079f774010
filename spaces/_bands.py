"""Depthwise convolutions of small maps as matrix products, on a CPU.

Maps lie in memory as (channels, height, width, images). Then a shifted window of all images' columns is one matrix of
`height` rows and `width * images` columns, in place, and one column of the kernel is a banded matrix that is multiplied
with it: a kernel k wide takes k batched products, forwards and for either gradient. On a map 16 high a band is mostly
zeros and still several times faster than torch's loops. Where maps are tiny the whole convolution is one product.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

WHOLE = 36 * 36  # entries of the matrix of a kernel, up to which a convolution is one product


def _meets(side: int, kernel: int, stride: int, dilation: int) -> Tensor:
    """(kernel, outputs, inputs) along one side: where a tap of the kernel joins an output to an input. Zero padding
    keeps the side at stride 1."""
    offset = torch.arange(side) - torch.arange(0, side, stride)[:, None] + dilation * (kernel // 2)
    return torch.stack([offset == tap * dilation for tap in range(kernel)])


@cache
def plan(height: int, width: int, kernel: int, stride: int, dilation: int, dtype: torch.dtype) -> Whole | Bands:
    """How to convolve maps of a size with depthwise kernels (channels, 1, kernel, kernel), `kernel` odd."""
    outputs = len(range(0, height, stride)) * len(range(0, width, stride))
    form = Whole if height * width * outputs <= WHOLE else Bands
    return form(height, width, kernel, stride, dilation, dtype)


class Whole:
    """One product of each map with the matrix of its kernel."""

    def __init__(self, height: int, width: int, kernel: int, stride: int, dilation: int, dtype: torch.dtype):
        rows, columns = (_meets(side, kernel, stride, dilation).to(dtype) for side in (height, width))
        self.kernel, self.inputs = kernel, (height, width)
        self.outputs = rows.shape[1], columns.shape[1]
        self.taps = torch.einsum("aij,bkl->abikjl", rows, columns).reshape(kernel**2, -1)

    def room(self, x: Tensor, relu: bool) -> Tensor:
        """What is convolved of x (channels, height, width, images), with `relu` of its positive part."""
        return F.relu(x) if relu else x

    def inner(self, room: Tensor) -> Tensor:
        """The map in its room."""
        return room

    def matrix(self, weight: Tensor) -> Tensor:
        """(channels, outputs, inputs), in pixels."""
        return (weight.flatten(1) @ self.taps).view(len(weight), self.outputs[0] * self.outputs[1], -1)

    def convolve(self, room: Tensor, matrix: Tensor) -> Tensor:
        return torch.bmm(matrix, room.flatten(1, 2)).unflatten(1, self.outputs)

    def for_input(self, grad: Tensor, matrix: Tensor) -> Tensor:
        """Gradient of the map."""
        return torch.bmm(matrix.transpose(1, 2), grad.flatten(1, 2)).unflatten(1, self.inputs)

    def for_weight(self, room: Tensor, grad: Tensor) -> Tensor:
        """Gradient of the kernels."""
        products = torch.bmm(grad.flatten(1, 2), room.flatten(1, 2).transpose(1, 2))
        return (products.flatten(1) @ self.taps.t()).view(-1, 1, self.kernel, self.kernel)


class Bands:
    """A product for each column of the kernel that meets more than padding; otherwise as `Whole`."""

    def __init__(self, height: int, width: int, kernel: int, stride: int, dilation: int, dtype: torch.dtype):
        self.kernel, self.stride, self.height, self.width = kernel, stride, height, width
        self.taps = _meets(height, kernel, stride, dilation).flatten(1).to(dtype)
        self.reach, columns = dilation * (kernel // 2), _meets(width, kernel, stride, dilation)
        self.out = columns.shape[1]
        used = [b for b in range(kernel) if columns[b].any()]
        self.used = slice(used[0], used[-1] + 1)
        self.starts = [b * dilation for b in used]
        self.mirrored = [2 * self.reach - start for start in self.starts]

    def room(self, x: Tensor, relu: bool) -> Tensor:
        """Columns of zeros on both sides."""
        room = x.new_zeros(len(x), self.height, self.width + 2 * self.reach, x.shape[3])
        return self._fill(room, x, relu)

    def _fill(self, room: Tensor, x: Tensor, relu: bool) -> Tensor:
        torch.clamp_min(x, 0, out=self.inner(room)) if relu else self.inner(room).copy_(x)
        return room

    def inner(self, room: Tensor) -> Tensor:
        return room[:, :, self.reach : self.reach + self.width]

    def matrix(self, weight: Tensor) -> Tensor:
        """(columns, channels, outputs, inputs): how a column of the kernel acts on a column of the map."""
        columns = weight[:, 0, :, self.used].permute(2, 0, 1)
        bands = columns.reshape(-1, self.kernel) @ self.taps
        return bands.view(*columns.shape[:2], -1, self.height)

    def convolve(self, room: Tensor, matrix: Tensor) -> Tensor:
        windows = self._windows(room, self.starts, self.out, self.stride)
        return _sum_of_products(matrix, windows).unflatten(2, (self.out, -1))

    def for_input(self, grad: Tensor, matrix: Tensor) -> Tensor:
        room = grad.new_zeros(len(grad), grad.shape[1], self.width + 2 * self.reach, grad.shape[3])
        self.inner(room)[:, :, :: self.stride] = grad
        windows = self._windows(room, self.mirrored, self.width, 1)
        return _sum_of_products(matrix.transpose(2, 3), windows).unflatten(2, (self.width, -1))

    def for_weight(self, room: Tensor, grad: Tensor) -> Tensor:
        grad, columns = grad.flatten(2), self.starts
        products = grad.new_empty(len(columns), len(grad), grad.shape[1], self.height)
        for product, window in zip(products, self._windows(room, columns, self.out, self.stride)):
            torch.bmm(grad, window.transpose(1, 2), out=product)
        result = grad.new_zeros(len(grad), 1, self.kernel, self.kernel)
        taps = products.view(-1, self.taps.shape[1]) @ self.taps.t()
        result[:, 0, :, self.used] = taps.view(len(columns), len(grad), -1).permute(1, 2, 0)
        return result

    def _windows(self, room: Tensor, starts: list[int], out: int, stride: int) -> list[Tensor]:
        """(channels, height, out * images) each: views where the stride is 1."""
        reach = (out - 1) * stride + 1
        return [room[:, :, start : start + reach : stride].flatten(2) for start in starts]


def _sum_of_products(matrices: Tensor, windows: list[Tensor]) -> Tensor:
    total = torch.bmm(matrices[0], windows[0])
    for matrix, window in zip(matrices[1:], windows[1:]):
        total.baddbmm_(matrix, window)
    return total
