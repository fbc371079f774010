"""The blocks and the network of the layer-wise spaces.

Batch normalisation is PyTorch's (eps 1e-5, momentum 0.1) in both: the shared recipe trains for far fewer steps than the
running averages of the Single-Path repository (momentum 0.01) would need.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from spaces.base import Size, UserError
from spaces.parts.cpu.channelwise import BatchNorm, Depthwise, Pointwise, normalised
from spaces.parts.cpu.kernels import usable
from spaces.parts.layerwise import Place
from spaces.parts.network import DropPath, Network


def conv_bn(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, bias: bool = False, relu: bool = True
) -> nn.Sequential:
    """Convolution, batch normalisation and, with `relu`, a ReLU; the map keeps its side at stride 1."""
    if groups == inputs == outputs:
        conv = Depthwise(outputs, kernel, stride, bias=bias)
    elif kernel == 1:
        conv = Pointwise(inputs, outputs, stride, groups, bias)
    else:
        conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=bias)
    return nn.Sequential(conv, BatchNorm(outputs), *([nn.ReLU()] if relu else []))


class MBConv(nn.Module):
    """Inverted residual: 1x1 expansion, depthwise convolution, linear 1x1 projection (MobileNetV2).

    With `groups` both 1x1 convolutions are grouped and channels are shuffled in front of the depthwise one
    (mobile-vision, fbnet_v2/irf_block.py). Without `pointwise` there is no expansion: `expansion` must be 1.
    """

    def __init__(
        self, place: Place, kernel: int, expansion: int, groups: int = 1, pointwise: bool = True, bias: bool = False
    ):
        super().__init__()
        width = place.inputs * expansion
        self.expand = conv_bn(place.inputs, width, 1, groups=groups, bias=bias) if pointwise else None
        self.groups = groups
        self.depthwise = conv_bn(width, width, kernel, place.stride, groups=width, bias=bias)
        self.project = conv_bn(width, place.outputs, 1, groups=groups, bias=bias, relu=False)
        self.residual = place.residual

    def branch(self, x: Tensor) -> Tensor:
        """Without the residual connection."""
        if usable(x):
            return self._fused(x)
        hidden = x if self.expand is None else self.expand(x)
        if self.groups > 1:
            hidden = F.channel_shuffle(hidden, self.groups)
        return self.project(self.depthwise(hidden))

    def _fused(self, x: Tensor) -> Tensor:
        """A ReLU belongs to the convolution behind it."""
        relu = [] if self.expand is None else [self.expand[2]]
        hidden = x if self.expand is None else normalised(x, *self.expand[:2])
        if self.groups > 1:
            hidden = hidden.unflatten(1, (self.groups, -1)).transpose(1, 2).flatten(1, 2)
        hidden = normalised(hidden, *relu, *self.depthwise[:2])
        return normalised(hidden, self.depthwise[2], *self.project)

    def forward(self, x: Tensor, drop: DropPath | None = None) -> Tensor:
        y = self.branch(x)
        if not self.residual:
            return y
        return x + (y if drop is None else drop(y))


class Tail(nn.Sequential):
    """From the last map to the logits: the given layers, global average pooling, a linear classifier."""

    def __init__(self, *layers: nn.Module, width: int, classes: int):
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes))


class LayerwiseNetwork(Network):
    """A stem, one block a layer, a tail. Drop path acts on the branches of residual blocks, not on skipped layers."""

    def __init__(
        self, stem: nn.Module, tail: nn.Module, blocks: Sequence[nn.Module], places: Sequence[Place], size: Size
    ):
        super().__init__()
        self.stem, self.layers, self.tail = stem, nn.ModuleList(blocks), tail
        self.auxiliary_layer = 2 * len(blocks) // 3
        if size.auxiliary:
            from spaces.parts.cells import AuxiliaryHead

            self.auxiliary = AuxiliaryHead(places[self.auxiliary_layer].inputs, size.classes)

    def forward(self, x: Tensor, drop: DropPath | None = None) -> tuple[Tensor, Tensor | None]:
        x, extra = self.stem(x), None
        for i, layer in enumerate(self.layers):
            if i == self.auxiliary_layer and self.auxiliary is not None and self.training:
                extra = self.auxiliary(x)
            x = layer(x, drop) if isinstance(layer, MBConv) else layer(x)
        return self.tail(x), extra


def count(module: nn.Module, image: int, metric: str) -> float:
    """Parameters, or multiply-adds of convolutions and linear layers, of a block or network of this file on maps of
    `image` pixels a side. Its parts must be registered in the order in which they are computed."""
    if metric == "parameters":
        return float(sum(p.numel() for p in module.parameters()))
    if metric != "macs":
        raise UserError(f"unknown cost {metric!r}: use macs or parameters")
    total = 0
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            image = -(-image // part.stride[0])
            total += image**2 * part.weight.numel()
        elif isinstance(part, nn.Linear):
            total += part.weight.numel()
    return float(total)


def batch_statistics(module: nn.Module) -> nn.Module:
    """Makes every batch normalisation use the statistics of the batch, always, as supernets do."""
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.track_running_stats = False
            norm.running_mean = norm.running_var = norm.num_batches_tracked = None
    return module
