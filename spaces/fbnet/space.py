"""FBNet's layer-wise space: 22 layers, 9 candidate blocks each (Wu et al., CVPR 2019, arXiv 1812.03443).

Macro-structure and blocks are those of the published networks in facebookresearch/mobile-vision
(fbnet_v2/fbnet_modeldef_cls_fbnet.py, irf_block.py): a skipped layer is an identity or, where stride or width changes,
a 1x1 convolution with batch normalisation and ReLU.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from spaces.base import Size
from spaces.parts.layer_shapes import LayerShape, shapes_of, width_at
from spaces.parts.layerwise import Design, Layerwise

if TYPE_CHECKING:
    from torch import nn

    from spaces.parts.network import Supernet

STAGES = ((16, 1, 2), (16, 1, 1), (24, 4, 2), (32, 4, 2), (64, 4, 2), (112, 4, 1), (184, 4, 2), (352, 1, 1))
"""(width, layers, stride of the first layer) of each stage; the first one is the stem."""
HEAD = 1984
"""Outputs of the last convolution."""
FBNET_A = (
    *("skip", "k3_e3", "k3_e1", "skip", "skip", "k5_e6", "k3_e3", "k5_e1", "k3_e3", "k5_e6", "k5_e3", "k5_e1_g2"),
    *("k5_e6", "k3_e6", "k5_e1_g2", "k5_e3", "k3_e1_g2", "k5_e6", "k5_e6", "k5_e3", "k5_e6", "k5_e6"),
)
HEADS: dict[Design, int] = {FBNET_A: 1504}  # the one published network whose head is narrower than the space's


@dataclass(frozen=True)
class Fbnet(Layerwise):
    """Every one of the 9^22 architectures is valid.

    `conv_bias`: convolutions in front of batch normalisation have a bias, as in the published networks (FBNet-A:
    4,321,232 parameters; 4,304,584 without). `e1_pointwise`: blocks of expansion 1 have their first 1x1 convolution, as
    in the published model_info.json (FBNet-A: 249,921,848 multiply-adds), other than in the published code
    (244,452,664). Costs add up exactly for every architecture except FBNet-A, which has a head of its own.
    """

    conv_bias: bool = True
    e1_pointwise: bool = False

    options = ("k3_e1", "k3_e1_g2", "k3_e3", "k3_e6", "k5_e1", "k5_e1_g2", "k5_e3", "k5_e6", "skip")
    choices = (9,) * 22
    published = Size(channels=16, cells=22, classes=1000, image=224)
    searched = Size(channels=16, cells=22, classes=1000, image=224)

    def layer_shapes(self, size: Size) -> list[LayerShape]:
        return shapes_of(STAGES, size)[1:]

    def block(self, option: str, shape: LayerShape) -> nn.Module:
        from spaces.fbnet.network import block

        return block(option, shape, self.conv_bias, self.e1_pointwise)

    def ends(self, design: Design, size: Size) -> tuple[nn.Module, nn.Module]:
        from spaces.parts.blocks import ConvBn, Tail

        stem, *_, last = shapes_of(STAGES, size)
        head = width_at(HEADS.get(design, HEAD), size.channels)
        return (
            ConvBn(stem.inputs, stem.outputs, 3, stem.stride, bias=self.conv_bias),
            Tail(ConvBn(last.outputs, head, 1, bias=self.conv_bias), width=head, classes=size.classes),
        )

    def supernet(self, size: Size) -> Supernet:
        from spaces.fbnet.supernet import FbnetSupernet

        return FbnetSupernet(replace(self, conv_bias=False), size)
