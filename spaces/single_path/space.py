"""Single-Path NAS's layer-wise space: 20 layers of inverted residuals (Stamoulis et al., 2019, arXiv 1904.02877).

Macro-structure as dstamoulis/single-path-nas builds it (nas-search/supernet_macro.py, train-final/model_def.py). The
first layer of a stage cannot be skipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spaces.base import Size
from spaces.parts.layerwise import Design, Layerwise, Place, places, scaled

if TYPE_CHECKING:
    from torch import nn

    from spaces.single_path.supernet import SinglePathSupernet

STAGES = ((32, 1, 2), (16, 1, 1), (24, 4, 2), (40, 4, 2), (80, 4, 2), (96, 4, 1), (192, 4, 2), (320, 1, 1))
HEAD = 1280


@dataclass(frozen=True)
class SinglePath(Layerwise):
    """`Size.channels` is the width of the first stage, 16 as published (the stem has twice as many)."""

    options = ("3x3-3", "3x3-6", "5x5-3", "5x5-6", "skip")
    choices = (4, 5, 5, 5) * 5
    published = Size(channels=16, cells=20, classes=1000, image=224)
    searched = Size(channels=16, cells=20, classes=1000, image=224)

    def places(self, size: Size) -> list[Place]:
        return places(STAGES, size)[2:-1]

    def block(self, option: str, place: Place) -> nn.Module:
        from spaces.parts.blocks import MBConv, nn

        if option == "skip":
            return nn.Identity()
        kernel, expansion = option.split("-")
        return MBConv(place, int(kernel[0]), int(expansion))

    def ends(self, design: Design, size: Size) -> tuple[nn.Module, nn.Module]:
        from spaces.parts.blocks import MBConv, Tail, conv_bn, nn

        stem, first, *_, last = places(STAGES, size)
        head = scaled(HEAD, size.channels)
        return (
            nn.Sequential(conv_bn(stem.inputs, stem.outputs, 3, stem.stride), MBConv(first, 3, 1, pointwise=False)),
            Tail(MBConv(last, 3, 6), conv_bn(last.outputs, head, 1), width=head, classes=size.classes),
        )

    def supernet(self, size: Size) -> SinglePathSupernet:
        from spaces.single_path.supernet import SinglePathSupernet

        return SinglePathSupernet(self, size)
