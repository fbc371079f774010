"""Single-Path NAS's superkernel: all options of a layer are masks of one 5x5 kernel at expansion 6.

Source: dstamoulis/single-path-nas, nas-search/superkernel.py. Kernels are (channels, 1, 5, 5) here.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from spaces._depthwise import depthwise
from spaces._layers import MBConv, batch_statistics
from spaces._layerwise import Place
from spaces._network import Supernet
from spaces.base import Arch, Size

if TYPE_CHECKING:
    from spaces.single_path import SinglePath

SKIP = 4


class Gates(NamedTuple):
    """Scalar decisions of a layer, 1 or 0: the outer ring of the kernel (5x5), the first and the second half of the
    channels (expansion 3, expansion 6). Without the first half the layer is skipped."""

    ring: Tensor
    first: Tensor
    second: Tensor


def indicator(x: Tensor) -> Tensor:
    """1 where x >= 0, else 0; its gradient is the sigmoid's (straight-through)."""
    soft = torch.sigmoid(x)
    return (x >= 0).to(x.dtype) + (soft - soft.detach())


def ring_mask(kernel: Tensor) -> Tensor:
    """(5, 5), 1 on the outer ring and 0 on the 3x3 core."""
    return F.pad(kernel.new_full((3, 3), -1.0), (1, 1, 1, 1)) + 1.0


def gates(kernel: Tensor, thresholds: Tensor, skippable: bool, scale: Sequence[float] = (1.0, 1.0, 1.0)) -> Gates:
    """Decisions by the Frobenius norms of the kernel's parts against thresholds (ring, first half, second half).

    The halves' norms are those of the kernel that the ring's decision has left. `scale` multiplies the decisions, in
    the same order: the dropout of the warm-up. A layer that may not be skipped always has its first half.
    """
    mask = ring_mask(kernel)
    ring = indicator((kernel * mask).norm() - thresholds[0]) * scale[0]
    first_half, second_half = (kernel * (1.0 - mask + ring * mask)).chunk(2)
    first = indicator(first_half.norm() - thresholds[1]) * scale[1] if skippable else kernel.new_ones(())
    return Gates(ring, first, indicator(second_half.norm() - thresholds[2]) * scale[2])


def mixture(decided: Gates, options: int) -> Tensor:
    """Gates as weights of the options 3x3-3, 3x3-6, 5x5-3, 5x5-6 and, where there are five, skip."""
    ring, first, second = decided
    weights = (first * (1 - ring) * (1 - second), first * (1 - ring) * second, first * ring * (1 - second))
    return torch.stack((*weights, first * ring * second, 1 - first)[:options])


def mask(mix: Tensor) -> Tensor:
    """(2, 5, 5): what is left of the kernel's first and second half of channels under weights of the options.

    For weights that come from gates: first * (1 - ring mask + ring * ring mask), times second in the second half.
    """
    core = torch.stack([mix[:SKIP].sum(), mix[1] + mix[3]]).view(2, 1, 1)
    ring = torch.stack([mix[2] + mix[3], mix[3]]).view(2, 1, 1)
    outer = ring_mask(mix)
    return core * (1.0 - outer) + ring * outer


def runtime(decided: Gates, corners: Sequence[float]) -> Tensor:
    """Cost of a layer from the costs of 3x3-3, 3x3-6, 5x5-3 and 5x5-6; a skipped layer costs nothing.

    Three corners are exact; 3x3-3 is taken to be 5x5-3 times the ratio of 3x3-6 to 5x5-6.
    """
    ratio = corners[1] / corners[3]
    at_5x5 = decided.first * (corners[2] + decided.second * (corners[3] - corners[2]))
    return at_5x5 * ratio + at_5x5 * (1.0 - ratio) * decided.ring


class Shift(nn.Module):
    """A skipped layer inside the supernet: an identity, and the bias of the batch normalisation behind an all-zero
    branch."""

    def __init__(self, bias: Tensor):
        super().__init__()
        self.bias = nn.Parameter(bias.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias.view(1, -1, 1, 1)


class SuperkernelLayer(nn.Module):
    """One layer: an inverted residual of kernel 5 and expansion 6 whose depthwise kernel is masked.

    A channel whose kernel is masked carries nothing but its batch-norm bias, a constant, which the projection's batch
    normalisation takes away again; so parts of weight exactly 0 need not be computed.
    """

    def __init__(self, place: Place):
        super().__init__()
        self.place = place
        self.block = batch_statistics(MBConv(place, 5, 6))

    @property
    def kernel(self) -> Tensor:
        """(channels, 1, 5, 5)"""
        return self.block.depthwise[0].weight

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        _, k3e6, k5e3, k5e6 = used = [mix.requires_grad or weight != 0 for weight in mix[:SKIP].tolist()]
        if not any(used):
            return x + self.block.project[1].bias.view(1, -1, 1, 1)
        y = self._branch(x, mask(mix), 6 if k3e6 or k5e6 else 3, 5 if k5e3 or k5e6 else 3)
        return x + y if self.block.residual else y

    def _branch(self, x: Tensor, kept: Tensor, expansion: int, side: int) -> Tensor:
        """The first channels, up to an expansion, and the middle side x side taps of the masked kernel."""
        width, edge = expansion * x.shape[1], (5 - side) // 2
        expand, norm1, _ = self.block.expand
        _, norm2, _ = self.block.depthwise
        project, norm3 = self.block.project
        kernel = (self.kernel.unflatten(0, (2, -1)) * kept.view(2, 1, 1, 5, 5)).flatten(0, 1)
        kernel = kernel[:width, :, edge : 5 - edge, edge : 5 - edge]
        x = F.relu(normalise(F.conv2d(x, expand.weight[:width]), norm1))
        x = F.relu(normalise(depthwise(x, kernel, self.place.stride), norm2))
        return normalise(F.conv2d(x, project.weight[:, :width]), norm3)

    def inherit(self, option: str) -> nn.Module:
        """A plain module with a copy of the weights that `forward` uses for one option."""
        if option == "skip":
            return Shift(self.block.project[1].bias)
        side, expansion = int(option[0]), int(option[-1])
        with torch.device("meta"):  # fresh weights would be drawn from the global generator
            block = batch_statistics(MBConv(self.place, side, expansion))
        block.to_empty(device=self.kernel.device).to(self.kernel.dtype)
        edge = (5 - side) // 2
        with torch.no_grad():
            for new, old in zip(block.parameters(), self.block.parameters()):
                part = old[: new.shape[0]]
                if old is self.kernel:
                    part = part[:, :, edge : 5 - edge, edge : 5 - edge]
                new.copy_(part[:, : new.shape[1]] if new.dim() == 4 else part)
        return block


def normalise(x: Tensor, norm: nn.BatchNorm2d) -> Tensor:
    """Batch normalisation by the statistics of the batch, with the weights of the first channels."""
    channels = x.shape[1]
    return F.batch_norm(x, None, None, norm.weight[:channels], norm.bias[:channels], True, 0.0, norm.eps)


class SinglePathSupernet(Supernet):
    """Place k is layer k; weights of the options 3x3-3, 3x3-6, 5x5-3, 5x5-6 and, where a layer may be skipped, skip.

    The kernel's mask is linear in the weights, so one-hot weights give the option and `mixture(gates(…))` the
    superkernel with its gradients. Inside the supernet a skipped layer adds a constant (see `Shift`), which a derived
    network, built afresh, does not have.
    """

    def __init__(self, space: SinglePath, size: Size):
        super().__init__()
        self.options, self.shape = space.options, space.choices
        stem, tail = space.ends((), size)
        self.stem, self.tail = batch_statistics(stem), batch_statistics(tail)
        self.layers = nn.ModuleList(SuperkernelLayer(place) for place in space.places(size))
        self.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor, mix: Sequence[Tensor]) -> Tensor:
        x = self.stem(x.contiguous(memory_format=torch.channels_last))
        for layer, weights in zip(self.layers, mix):
            x = layer(x, weights)
        return self.tail(x)

    def gates(self, thresholds: Tensor, scale: Tensor | None = None) -> list[Gates]:
        """Decisions of every layer; thresholds and `scale` (a factor for each decision): (layers, 3)."""
        factors = [(1.0, 1.0, 1.0)] * len(self.layers) if scale is None else scale.tolist()
        return [
            gates(layer.kernel, row, options > SKIP, factor)
            for layer, row, options, factor in zip(self.layers, thresholds, self.shape, factors)
        ]

    def mixture(self, decided: Sequence[Gates]) -> list[Tensor]:
        """Gates of every layer as weights of its options."""
        return [mixture(layer, options) for layer, options in zip(decided, self.shape)]

    def inherit(self, arch: Arch) -> nn.Module:
        blocks = [layer.inherit(self.options[option]) for layer, option in zip(self.layers, arch)]
        return nn.Sequential(copy.deepcopy(self.stem), *blocks, copy.deepcopy(self.tail))
