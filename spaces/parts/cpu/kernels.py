"""`kernels.c` on tensors: convolutions and batch normalisation on the CPU, with their gradients.

Maps in this module are contiguous tensors (channels, height, width, images). Where there is no compiled library,
`usable` is False for every tensor and torch's own layers compute: the same results up to rounding, more slowly.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from spaces.parts.cpu import build
from spaces.parts.cpu.build import Shape, library

EPS = 1e-5  # torch's default, which every batch normalisation here has
WIDEST = 15  # largest side of a kernel that kernels.c has room for
TYPES = {torch.float32: "float", torch.float64: "double"}


class Norm(NamedTuple):
    """What is applied to raw maps: (x - mean) * inverse * weight + bias, then with `relu` a ReLU. Every tensor has one
    number per channel and may be missing; mean and inverse (1 / deviation) only together."""

    mean: Tensor | None = None
    inverse: Tensor | None = None
    weight: Tensor | None = None
    bias: Tensor | None = None
    relu: bool = False


def usable(x: Tensor) -> bool:
    """Whether the kernels can compute tensors like x: on the CPU, float32 or float64, and a library is there.

    Not for an empty batch, with which shapes are counted: there every layer must be called, so that hooks see it. Not
    in mixed precision, because torch's layers do its casts.
    """
    if x.device.type != "cpu" or x.dtype not in TYPES or not x.numel() or torch.is_autocast_enabled("cpu"):
        return False
    return library(TYPES[x.dtype]) is not None


def _pointer(x: Tensor | None) -> int | None:
    """The address of a tensor's data. ValueError where it is not contiguous."""
    if x is None:
        return None
    if not x.is_contiguous():
        raise ValueError(f"kernels take contiguous tensors; this one has shape {x.shape} and strides {x.stride()}")
    return x.data_ptr()


def _norm(norm: Norm) -> build.Norm:
    return build.Norm(*map(_pointer, norm[:4]), norm.relu)


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """(mean, 1 / sqrt(variance + EPS)) of each channel, both (channels,)."""
    mean, inverse = x.new_empty(2, x.shape[0]).unbind()
    library(TYPES[x.dtype]).moments(x.shape[0], x.stride(0), _pointer(x), EPS, _pointer(mean), _pointer(inverse))
    return mean, inverse


def apply(x: Tensor, norm: Norm, into: Tensor | None = None, add: bool = False) -> Tensor:
    """Normalised x, written to `into` or, with `add`, added to it.

    x may have a multiple of the channels of `into`: those that fall on one channel are summed. `into` may have a
    multiple of the channels of x: each of them has a weight and a bias of its own.
    """
    y = torch.empty_like(x) if into is None else into
    library(TYPES[x.dtype]).apply(x.stride(0), _pointer(x), x.shape[0], _norm(norm), _pointer(y), y.shape[0], add)
    return y


def slopes(x: Tensor, norm: Norm, g: Tensor) -> Tensor:
    """(channels, 2), float64: the gradients of bias and weight, from g, that of normalised x. They are the sum of g,
    and the sum of its product with x normalised without weight and bias. x or g may have a multiple of the other's
    channels.
    """
    sums = x.new_empty(max(x.shape[0], g.shape[0]), 2, dtype=torch.float64)
    library(TYPES[x.dtype]).slopes(
        x.stride(0), _pointer(x), x.shape[0], _norm(norm), _pointer(g), g.shape[0], _pointer(sums)
    )
    return sums


def unapply(x: Tensor, norm: Norm, sums: Tensor | None, g: Tensor, into: Tensor | None = None) -> Tensor:
    """The gradient of x from g, that of normalised x, and from its `slopes` (None where `norm` has no mean). It is
    written to `into`, which may be g."""
    y = torch.empty_like(x) if into is None else into
    library(TYPES[x.dtype]).unapply(
        x.shape[0], x.stride(0), _pointer(x), _norm(norm), _pointer(sums), _pointer(g), g.shape[0], _pointer(y)
    )
    return y


@cache
def _shape(
    groups: int, inputs: int, outputs: int, height: int, width: int, images: int, kernel: int, *rest: int | None
) -> Shape:
    if kernel % 2 == 0 or kernel > WIDEST:
        raise ValueError(f"kernels must have an odd side of at most {WIDEST} pixels, not {kernel}")
    return Shape(groups, inputs, outputs, height, width, images, kernel, *rest)


class Convolution(NamedTuple):
    """A depthwise convolution and, with `matrices`, a grouped 1x1 convolution behind it. Zero padding keeps the side at
    stride 1.

    kernels: (channels, 1, k, k), k odd and at most WIDEST; matrices: (groups, outputs, inputs). `reads`: (channels,),
    the channel of the maps that each kernel reads, every one equally often. Without it they are read in turn,
    repeatedly where there are fewer than kernels.
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
        return _shape(groups, inputs, outputs, *sides, *kernel, channels, _pointer(self.reads))

    def plain(self, x: Tensor) -> Tensor:
        """The same in torch's operations. x: (images, channels, height, width), with one channel for each kernel."""
        reach = self.dilation * (self.kernels.shape[-1] // 2)
        x = F.conv2d(x, self.kernels, None, self.stride, reach, self.dilation, len(self.kernels))
        if self.matrices is None:
            return x
        return F.conv2d(x, self.matrices.flatten(0, 1)[:, :, None, None], groups=len(self.matrices))

    def forward(self, x: Tensor, norm: Norm, into: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """(maps, mean, 1 / deviation): the result for normalised x, before a normalisation of its own, and its
        `moments`. The maps are written to `into`, if given."""
        shape, y = self._shape(x), into
        if y is None:
            sides = [-(-side // self.stride) for side in x.shape[1:3]]
            y = x.new_empty(shape.groups * shape.outputs, *sides, x.shape[3])
        mean, inverse = x.new_empty(2, y.shape[0]).unbind()
        library(TYPES[x.dtype]).convolve(
            shape,
            _pointer(x),
            _norm(norm),
            _pointer(self.kernels),
            _pointer(self.matrices),
            EPS,
            _pointer(y),
            _pointer(mean),
            _pointer(inverse),
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
        """(gradient of kernels, gradient of matrices, `slopes` of x): the first two if `train`, the last where `norm`
        has a mean; else None.

        x, `norm` and y are the arguments and the result of `forward`. y normalised by `after` has the gradient g and
        the slopes `sums`. The gradient of normalised x, before its ReLU, is written to `into` (unless None), or added
        to it: with `add`, and where channels are read repeatedly.
        """
        before = None if norm.mean is None else x.new_empty(x.shape[0], 2, dtype=torch.float64)
        kernels = torch.empty_like(self.kernels) if train else None
        matrices = torch.empty_like(self.matrices) if train and self.matrices is not None else None
        library(TYPES[x.dtype]).convolve_back(
            self._shape(x), _pointer(x), _norm(norm), _pointer(self.kernels), _pointer(self.matrices),
            _pointer(y), _norm(after), _pointer(sums), _pointer(g), g.shape[0], _pointer(into), add,
            _pointer(before), _pointer(kernels), _pointer(matrices),
        )  # fmt: skip
        return kernels, matrices, before
