"""FBNet's candidate blocks."""

from __future__ import annotations

from torch import nn

from spaces.parts.blocks import ConvBn, MBConv
from spaces.parts.layer_shapes import LayerShape


def block(option: str, shape: LayerShape, bias: bool, e1_pointwise: bool) -> nn.Module:
    """A candidate with fresh weights. `option`: `k<kernel>_e<expansion>[_g<groups>]`, or "skip": an identity, or a 1x1
    convolution where the shape changes. `bias` and `e1_pointwise`: see `Fbnet`."""
    if option == "skip":
        return nn.Identity() if shape.residual else ConvBn(shape.inputs, shape.outputs, 1, shape.stride)
    kernel, expansion, groups = (int(part[1:]) for part in (option + "_g1").split("_")[:3])
    return MBConv(shape, kernel, expansion, groups, e1_pointwise or expansion > 1, bias)
