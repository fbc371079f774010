"""NAS-Bench-Macro: the space of Su et al. (CVPR 2021, arXiv 2103.11922), eight layers, three blocks each; 3^8 = 6,561.

The macro-structure is that of xiusu/NAS-Bench-Macro (train/model.py): a stem of 32 channels, stages of 2, 3 and 3
layers that start with stride 2, a convolution to 1,280 channels. A text has one digit a layer: 0 identity, 1 inverted
residual of kernel 3 and expansion 3, 2 of kernel 5 and expansion 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spaces.base import Arch, Size, UserError
from spaces.parts.layer_shapes import LayerShape, shapes_of, width_at
from spaces.parts.layerwise import Design, Layerwise

if TYPE_CHECKING:
    from torch import nn

    from spaces.parts.network import Supernet

STAGES = ((16, 1, 1), (32, 2, 2), (64, 3, 2), (128, 3, 2))
"""(width at 16 channels, layers, stride of the first layer) of each stage; the stem first. Published: 32 channels."""
HEAD = 640
"""Outputs of the last convolution, at 16 channels."""
DIGITS = {"0": "identity", "1": "mb3_k3", "2": "mb6_k5"}


@dataclass(frozen=True)
class NasbenchMacro(Layerwise):
    """An identity that changes the shape, in the first layer of a stage, is a 1x1 convolution with batch normalisation.
    Identities elsewhere do nothing: architectures that differ only in their places among the later layers of a stage
    are the same network (`isomorphism`), which the benchmark has trained once. `Size.channels`: the stem's."""

    options = ("mb3_k3", "mb6_k5", "identity")
    choices = (3,) * 8
    published = Size(channels=32, cells=8, classes=10, image=32)
    searched = Size(channels=32, cells=8, classes=10, image=32)

    def write(self, design: Design) -> str:
        digits = {name: digit for digit, name in DIGITS.items()}
        return "".join(digits[name] for name in design)

    def read(self, text: str) -> Design:
        for layer, digit in enumerate(text.strip(), 1):
            if digit not in DIGITS:
                raise UserError(f"layer {layer}: {digit!r} is no block: write 0 (identity), 1 (mb3_k3) or 2 (mb6_k5)")
        design = tuple(DIGITS[digit] for digit in text.strip())
        self.encode(design)
        return design

    def isomorphism(self, arch: Arch) -> str:
        rest, moved = self.text(arch), ""
        for _, layers, _ in STAGES[1:]:
            first, others, rest = rest[0], rest[1:layers], rest[layers:]
            moved += first + others.replace("0", "").ljust(layers - 1, "0")
        return moved

    def layer_shapes(self, size: Size) -> list[LayerShape]:
        return shapes_of(STAGES, size)[1:]

    def block(self, option: str, shape: LayerShape) -> nn.Module:
        from torch import nn

        from spaces.parts.blocks import ConvBn, MBConv

        if option == "identity":
            return nn.Identity() if shape.residual else ConvBn(shape.inputs, shape.outputs, 1, shape.stride, relu=False)
        return MBConv(shape, kernel=int(option[-1]), expansion=int(option[2]))

    def ends(self, design: Design, size: Size) -> tuple[nn.Module, nn.Module]:
        from spaces.parts.blocks import ConvBn, Tail

        stem, *_, last = shapes_of(STAGES, size)
        head = width_at(HEAD, size.channels)
        return (
            ConvBn(stem.inputs, stem.outputs, 3, stem.stride),
            Tail(ConvBn(last.outputs, head, 1), width=head, classes=size.classes),
        )

    def supernet(self, size: Size) -> Supernet:
        from spaces.fbnet.supernet import FbnetSupernet

        return FbnetSupernet(self, size)
