"""`kernels.c` on tensors: convolutions and batch normalisation on the CPU, with their gradients.

Maps here lie as (channels, height, width, images), contiguous. Where `_compiled` has no library, nothing is `usable`
and layers are torch's own: the same results up to rounding, more slowly.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from spaces.parts.cpu import build as _compiled
from spaces.parts.cpu.build import Shape, library

EPS = 1e-5  # torch's, which every batch normalisation has
WIDEST = 15  # kernels that the code has room for
TYPES = {torch.float32: "float", torch.float64: "double"}


class Norm(NamedTuple):
    """What is applied to raw maps: (x - mean) * inverse * weight + bias, then ReLU. All of it is optional."""

    mean: Tensor | None = None
    inverse: Tensor | None = None
    weight: Tensor | None = None
    bias: Tensor | None = None
    relu: bool = False


def usable(x: Tensor) -> bool:
    """Whether maps like x are computed here. Not for a batch of no images, whose shapes alone are asked for: there
    every layer is called, so that hooks see it. Nor in mixed precision: its casts are of torch's layers."""
    if x.device.type != "cpu" or x.dtype not in TYPES or not x.numel() or torch.is_autocast_enabled("cpu"):
        return False
    return library(TYPES[x.dtype]) is not None


def _at(x: Tensor | None) -> int | None:
    if x is None:
        return None
    if not x.is_contiguous():
        raise ValueError(f"kernels take contiguous tensors; this one has shape {x.shape} and strides {x.stride()}")
    return x.data_ptr()


def _norm(norm: Norm) -> _compiled.Norm:
    return _compiled.Norm(*map(_at, norm[:4]), norm.relu)


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Of each channel the mean, and 1 / sqrt(variance + EPS)."""
    mean, inverse = x.new_empty(2, x.shape[0]).unbind()
    library(TYPES[x.dtype]).moments(x.shape[0], x.stride(0), _at(x), EPS, _at(mean), _at(inverse))
    return mean, inverse


def apply(x: Tensor, norm: Norm, into: Tensor | None = None, add: bool = False) -> Tensor:
    """x normalised. `into`: where to, or with `add` what to add it to.

    If x has the channels of `into` several times, they are summed. If `into` has those of x several times, each of them
    has a weight and a bias of its own.
    """
    y = torch.empty_like(x) if into is None else into
    library(TYPES[x.dtype]).apply(x.stride(0), _at(x), x.shape[0], _norm(norm), _at(y), y.shape[0], add)
    return y


def slopes(x: Tensor, norm: Norm, g: Tensor) -> Tensor:
    """(channels, 2), float64: sums of the gradient g of normalised x, and of its product with x normalised without
    weight and bias; that is, the gradients of bias and weight. x or g may have the other's channels several times."""
    sums = x.new_empty(max(x.shape[0], g.shape[0]), 2, dtype=torch.float64)
    library(TYPES[x.dtype]).slopes(x.stride(0), _at(x), x.shape[0], _norm(norm), _at(g), g.shape[0], _at(sums))
    return sums


def unapply(x: Tensor, norm: Norm, sums: Tensor | None, g: Tensor, into: Tensor | None = None) -> Tensor:
    """The gradient of x, from `slopes`, which need not be where `norm` has no mean. `into`: where to; that may be g."""
    y = torch.empty_like(x) if into is None else into
    library(TYPES[x.dtype]).unapply(x.shape[0], x.stride(0), _at(x), _norm(norm), _at(sums), _at(g), g.shape[0], _at(y))
    return y


@cache
def _shape(
    groups: int, inputs: int, outputs: int, height: int, width: int, images: int, kernel: int, *rest: int | None
) -> Shape:
    if kernel % 2 == 0 or kernel > WIDEST:
        raise ValueError(f"kernels are odd and at most {WIDEST} wide, not {kernel}")
    return Shape(groups, inputs, outputs, height, width, images, kernel, *rest)


class Convolution(NamedTuple):
    """Depthwise, then, with `matrices`, 1x1 in groups; zero padding keeps the side at stride 1.

    kernels: (channels, 1, k, k), k odd and at most WIDEST; matrices: (groups, outputs, inputs). `reads`: the channel of
    the maps that each kernel reads, all of them equally often. Otherwise they are read in turn, again and again if they
    are fewer than the kernels.
    """

    kernels: Tensor
    matrices: Tensor | None = None
    stride: int = 1
    dilation: int = 1
    reads: Tensor | None = None

    def _shape(self, x: Tensor) -> Shape:
        groups, outputs, inputs = (self.kernels.shape[0], 1, 1) if self.matrices is None else self.matrices.shape
        channels, *sides = x.shape
        kernel = self.kernels.shape[-1], self.stride, self.dilation
        return _shape(groups, inputs, outputs, *sides, *kernel, channels, _at(self.reads))

    def plain(self, x: Tensor) -> Tensor:
        """The same by torch: (images, channels, height, width), of as many channels as there are kernels."""
        reach = self.dilation * (self.kernels.shape[-1] // 2)
        x = F.conv2d(x, self.kernels, None, self.stride, reach, self.dilation, len(self.kernels))
        if self.matrices is None:
            return x
        return F.conv2d(x, self.matrices.flatten(0, 1)[:, :, None, None], groups=len(self.matrices))

    def forward(self, x: Tensor, norm: Norm, into: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Of normalised x the maps, and their moments."""
        shape, y = self._shape(x), into
        if y is None:
            sides = [-(-side // self.stride) for side in x.shape[1:3]]
            y = x.new_empty(shape.groups * shape.outputs, *sides, x.shape[3])
        mean, inverse = x.new_empty(2, y.shape[0]).unbind()
        library(TYPES[x.dtype]).convolve(
            shape, _at(x), _norm(norm), _at(self.kernels), _at(self.matrices), EPS, _at(y), _at(mean), _at(inverse)
        )
        return y, mean, inverse

    def backward(
        self,
        x: Tensor,
        norm: Norm,
        y: Tensor,
        after: Norm,
        sums: Tensor,
        g: Tensor,
        into: Tensor | None,
        train: bool,
        add: bool = False,
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Gradients of kernels and matrices if `train`, and the `slopes` of x where it is normalised.

        y, normalised by `after`, has the gradient g and the slopes `sums`. `into`, wanted or not, receives the gradient
        of normalised x (in front of its ReLU); with `add`, or if channels are read repeatedly, it is added to that.
        """
        before = None if norm.mean is None else x.new_empty(x.shape[0], 2, dtype=torch.float64)
        kernels = torch.empty_like(self.kernels) if train else None
        matrices = torch.empty_like(self.matrices) if train and self.matrices is not None else None
        library(TYPES[x.dtype]).convolve_back(
            self._shape(x), _at(x), _norm(norm), _at(self.kernels), _at(self.matrices), _at(y), _norm(after), _at(sums),
            _at(g), g.shape[0], _at(into), add, _at(before), _at(kernels), _at(matrices),
        )  # fmt: skip
        return kernels, matrices, before
