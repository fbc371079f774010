"""FBNet's layer-wise space: 22 layers, 9 candidate blocks each (Wu et al., CVPR 2019, arXiv 1812.03443).

Macro-structure and blocks as facebookresearch/mobile-vision builds the published networks
(fbnet_v2/fbnet_modeldef_cls_fbnet.py, irf_block.py): a skipped layer is an identity, and a 1x1 convolution with batch
normalisation and ReLU where stride or width changes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from spaces.base import Size
from spaces.parts.layerwise import Design, Layerwise, Place, places, scaled

if TYPE_CHECKING:
    from torch import nn

    from spaces.fbnet.supernet import FbnetSupernet

STAGES = ((16, 1, 2), (16, 1, 1), (24, 4, 2), (32, 4, 2), (64, 4, 2), (112, 4, 1), (184, 4, 2), (352, 1, 1))
HEAD = 1984
FBNET_A = (
    *("skip", "k3_e3", "k3_e1", "skip", "skip", "k5_e6", "k3_e3", "k5_e1", "k3_e3", "k5_e6", "k5_e3", "k5_e1_g2"),
    *("k5_e6", "k3_e6", "k5_e1_g2", "k5_e3", "k3_e1_g2", "k5_e6", "k5_e6", "k5_e3", "k5_e6", "k5_e6"),
)
HEADS = {FBNET_A: 1504}  # FBNet-A alone was published with a narrower head than the space's


@dataclass(frozen=True)
class Fbnet(Layerwise):
    """Every one of the 9^22 architectures is valid.

    `conv_bias`: convolutions in front of batch normalisation carry a bias, as in the published networks (FBNet-A:
    4,321,232 parameters; 4,304,584 without). `e1_pointwise`: blocks of expansion 1 have their first 1x1 convolution, as
    in the published model_info.json (FBNet-A: 249,921,848 multiply-adds) and not in the published code (244,452,664).
    Costs add up exactly for every architecture but FBNet-A, whose head is its own.
    """

    conv_bias: bool = True
    e1_pointwise: bool = False

    options = ("k3_e1", "k3_e1_g2", "k3_e3", "k3_e6", "k5_e1", "k5_e1_g2", "k5_e3", "k5_e6", "skip")
    choices = (9,) * 22
    published = Size(channels=16, cells=22, classes=1000, image=224)
    searched = Size(channels=16, cells=22, classes=1000, image=224)

    def places(self, size: Size) -> list[Place]:
        return places(STAGES, size)[1:]

    def block(self, option: str, place: Place) -> nn.Module:
        from spaces.fbnet.supernet import block

        return block(option, place, self.conv_bias, self.e1_pointwise)

    def ends(self, design: Design, size: Size) -> tuple[nn.Module, nn.Module]:
        from spaces.parts.blocks import Tail, conv_bn

        stem, *_, last = places(STAGES, size)
        head = scaled(HEADS.get(design, HEAD), size.channels)
        return (
            conv_bn(stem.inputs, stem.outputs, 3, stem.stride, bias=self.conv_bias),
            Tail(conv_bn(last.outputs, head, 1, bias=self.conv_bias), width=head, classes=size.classes),
        )

    def supernet(self, size: Size) -> FbnetSupernet:
        from spaces.fbnet.supernet import FbnetSupernet

        return FbnetSupernet(replace(self, conv_bias=False), size)
