"""FBNet's candidate blocks and its supernet."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from spaces._layers import MBConv, batch_statistics, conv_bn
from spaces._layerwise import Place
from spaces._network import Supernet
from spaces.base import Arch, Size

if TYPE_CHECKING:
    from spaces.fbnet import Fbnet

SKIP = 8


def read_option(option: str) -> tuple[int, int, int]:
    """(kernel, expansion, groups) of `k<kernel>_e<expansion>[_g<groups>]`."""
    kernel, expansion, groups = (int(part[1:]) for part in (option + "_g1").split("_")[:3])
    return kernel, expansion, groups


def block(option: str, place: Place, bias: bool, e1_pointwise: bool) -> nn.Module:
    """A candidate with fresh weights."""
    if option == "skip":
        return nn.Identity() if place.residual else conv_bn(place.inputs, place.outputs, 1, place.stride)
    kernel, expansion, groups = read_option(option)
    return MBConv(place, kernel, expansion, groups, e1_pointwise or expansion > 1, bias)


def normalise(x: Tensor, norm: nn.BatchNorm2d, scale: Tensor | None = None) -> Tensor:
    """Batch normalisation with the statistics of the batch, weight and bias times `scale` (channels)."""
    weight, bias = (norm.weight, norm.bias) if scale is None else (norm.weight * scale, norm.bias * scale)
    return F.batch_norm(x, None, None, weight, bias, True, 0.0, norm.eps)


class MixedLayer(nn.Module):
    """The candidates of one layer, computed together; each has weights of its own, stored side by side.

    One 1x1 convolution expands for all candidates, one depthwise convolution a kernel size filters all of them, and the
    last batch normalisation multiplies by the mixture weights.
    """

    def __init__(self, options: Sequence[str], place: Place):
        super().__init__()
        self.place = place
        self.settings = [read_option(option) for option in options if option != "skip"]
        self.widths = [place.inputs * expansion for _, expansion, _ in self.settings]
        expanded = sum(width for width, (_, expansion, _) in zip(self.widths, self.settings) if expansion > 1)
        self.expand = nn.Conv2d(place.inputs, expanded, 1, bias=False)
        self.expand_norm = nn.BatchNorm2d(expanded)
        self.depthwise, self.depthwise_norm = nn.ModuleDict(), nn.ModuleDict()
        for kernel in (3, 5):
            width = sum(width for width, setting in zip(self.widths, self.settings) if setting[0] == kernel)
            conv = nn.Conv2d(width, width, kernel, place.stride, kernel // 2, groups=width, bias=False)
            self.depthwise[str(kernel)], self.depthwise_norm[str(kernel)] = conv, nn.BatchNorm2d(width)
        self.project = nn.ModuleList(
            nn.Conv2d(width, place.outputs, 1, groups=groups, bias=False)
            for width, (_, _, groups) in zip(self.widths, self.settings)
        )
        self.project_norm = nn.BatchNorm2d(len(self.widths) * place.outputs)
        self.skip = nn.Identity() if place.residual else conv_bn(place.inputs, place.outputs, 1, place.stride)
        batch_statistics(self)

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        outputs = self.place.outputs
        e = F.relu(normalise(self.expand(x), self.expand_norm))
        shuffled = F.channel_shuffle(x, 2)
        half = e.shape[1] // 2
        z = []
        for k, part in (("3", e[:, :half]), ("5", e[:, half:])):
            h = torch.cat([x, shuffled, part], 1)
            h = F.relu(normalise(self.depthwise[k](h), self.depthwise_norm[k]))
            i0 = 0 if k == "3" else 4
            z += [self.project[i0 + i](part) for i, part in enumerate(h.split(self.widths[i0 : i0 + 4], 1))]
        z = normalise(torch.cat(z, 1), self.project_norm, mix[:SKIP].repeat_interleave(outputs))
        y = z.unflatten(1, (SKIP, outputs)).sum(1)
        return y + (mix.sum() * x if self.place.residual else mix[SKIP] * self.skip(x))
