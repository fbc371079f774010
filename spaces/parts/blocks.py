"""The blocks and the network of the layer-wise spaces.

Batch normalisation has PyTorch's defaults (eps 1e-5, momentum 0.1) in all of them. The shared recipe trains for far
fewer steps than the running averages of the Single-Path repository (momentum 0.01) would need.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from spaces.base import Size, UserError
from spaces.parts.auxiliary import AuxiliaryHead
from spaces.parts.convolutions import Depthwise, Pointwise
from spaces.parts.layer_shapes import LayerShape
from spaces.parts.network import DropPath, Network


class ConvBn(nn.Sequential):
    """Convolution, batch normalisation and, with `relu`, a ReLU. At stride 1 the map keeps its side."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        groups: int = 1,
        bias: bool = False,
        relu: bool = True,
    ):
        if groups == inputs == outputs:
            conv: nn.Module = Depthwise(outputs, kernel, stride, bias=bias)
        elif kernel == 1:
            conv = Pointwise(inputs, outputs, stride, groups, bias)
        else:
            conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=bias)
        super().__init__(conv, nn.BatchNorm2d(outputs), *([nn.ReLU()] if relu else []))


class MBConv(nn.Module):
    """Inverted residual: 1x1 expansion, depthwise convolution, linear 1x1 projection (MobileNetV2).

    With `groups` above 1 both 1x1 convolutions are grouped, and channels are shuffled in front of the depthwise one
    (mobile-vision, fbnet_v2/irf_block.py). Without `pointwise` there is no 1x1 expansion, and `expansion` must be 1.
    """

    def __init__(
        self,
        shape: LayerShape,
        kernel: int,
        expansion: int,
        groups: int = 1,
        pointwise: bool = True,
        bias: bool = False,
    ):
        super().__init__()
        width = shape.inputs * expansion
        self.expand = ConvBn(shape.inputs, width, 1, groups=groups, bias=bias) if pointwise else nn.Identity()
        self.shuffle = nn.ChannelShuffle(groups) if groups > 1 else nn.Identity()
        self.depthwise = ConvBn(width, width, kernel, shape.stride, groups=width, bias=bias)
        self.project = ConvBn(width, shape.outputs, 1, groups=groups, bias=bias, relu=False)
        self.residual = shape.residual

    def forward(self, x: Tensor, drop: DropPath | None = None) -> Tensor:
        """(images, inputs, height, width) to (images, outputs, …). `drop` is applied to the branch of a residual."""
        return self.joined(x, self.branch(x), drop)

    def branch(self, x: Tensor) -> Tensor:
        """The block without its residual connection."""
        return self.project(self.depthwise(self.shuffle(self.expand(x))))

    def joined(self, x: Tensor, y: Tensor, drop: DropPath | None) -> Tensor:
        """The result y of the branch with the residual connection, if any."""
        if not self.residual:
            return y
        return x + (y if drop is None else drop(y))


class Tail(nn.Sequential):
    """From the last map to the logits: the given layers, global average pooling, a linear classifier. `width`: the
    channels that the classifier gets."""

    def __init__(self, *layers: nn.Module, width: int, classes: int):
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes))


class LayerwiseNetwork(Network):
    """A stem, one block per layer, a tail. Drop path acts on the branches of residual blocks, not on skipped layers.
    The auxiliary head, if any, reads the input of the layer at two thirds of the depth."""

    def __init__(
        self, stem: nn.Module, tail: nn.Module, blocks: Sequence[nn.Module], shapes: Sequence[LayerShape], size: Size
    ):
        """shapes: those of the layers of `blocks`."""
        super().__init__()
        self.stem, self.layers, self.tail = stem, nn.ModuleList(blocks), tail
        self.auxiliary_layer = 2 * len(blocks) // 3
        if size.auxiliary:
            self.auxiliary = AuxiliaryHead(shapes[self.auxiliary_layer].inputs, size.classes)

    def forward(self, x: Tensor, drop: DropPath | None = None) -> tuple[Tensor, Tensor | None]:
        x, extra = self.stem(x), None
        for i, layer in enumerate(self.layers):
            if i == self.auxiliary_layer and self.auxiliary is not None and self.training:
                extra = self.auxiliary(x)
            x = layer(x, drop) if isinstance(layer, MBConv) else layer(x)
        return self.tail(x), extra


def count(module: nn.Module, image: int, metric: str) -> float:
    """The cost of a block or network of this module on square maps of side `image`. `metric`: "parameters", or "macs",
    the multiply-adds of convolutions and linear layers for one image; UserError for another one. The module's parts
    must be registered in the order in which they are computed."""
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
