"""Single-Path NAS's layer-wise space: 20 layers of inverted residuals (Stamoulis et al., 2019, arXiv 1904.02877).

The macro-structure is that of dstamoulis/single-path-nas (nas-search/supernet_macro.py, train-final/model_def.py). The
first layer of a stage cannot be skipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spaces.base import Size
from spaces.parts.layer_shapes import LayerShape, shapes_of, width_at
from spaces.parts.layerwise import Design, Layerwise

if TYPE_CHECKING:
    from torch import nn

    from spaces.parts.network import Supernet

STAGES = ((32, 1, 2), (16, 1, 1), (24, 4, 2), (40, 4, 2), (80, 4, 2), (96, 4, 1), (192, 4, 2), (320, 1, 1))
"""(width, layers, stride of the first layer) of each stage; the first one is the stem."""
HEAD = 1280
"""Outputs of the last convolution."""


@dataclass(frozen=True)
class SinglePath(Layerwise):
    """Layers without skip have four options, others five. `Size.channels` is the width of the first stage, 16 as
    published; the stem has twice as many."""

    options = ("3x3-3", "3x3-6", "5x5-3", "5x5-6", "skip")
    choices = (4, 5, 5, 5) * 5
    published = Size(channels=16, cells=20, classes=1000, image=224)
    searched = Size(channels=16, cells=20, classes=1000, image=224)

    def layer_shapes(self, size: Size) -> list[LayerShape]:
        return shapes_of(STAGES, size)[2:-1]

    def block(self, option: str, shape: LayerShape) -> nn.Module:
        from torch import nn

        from spaces.parts.blocks import MBConv

        if option == "skip":
            return nn.Identity()
        kernel, expansion = option.split("-")
        return MBConv(shape, int(kernel[0]), int(expansion))

    def ends(self, design: Design, size: Size) -> tuple[nn.Module, nn.Module]:
        from torch import nn

        from spaces.parts.blocks import ConvBn, MBConv, Tail

        stem, first, *_, last = shapes_of(STAGES, size)
        head = width_at(HEAD, size.channels)
        return (
            nn.Sequential(ConvBn(stem.inputs, stem.outputs, 3, stem.stride), MBConv(first, 3, 1, pointwise=False)),
            Tail(MBConv(last, 3, 6), ConvBn(last.outputs, head, 1), width=head, classes=size.classes),
        )

    def supernet(self, size: Size) -> Supernet:
        from spaces.single_path.supernet import SinglePathSupernet

        return SinglePathSupernet(self, size)
