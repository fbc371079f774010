"""Single-Path NAS's space with squeeze-and-excitation as a further choice of every layer. Abstract-level.

The journal version (Stamoulis et al., arXiv 1907.00959) is known to us from its abstract only; `supernet.py` lists what
we chose where the abstract is silent. Without "-se" blocks the networks are those of the space single_path.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spaces.base import Size
from spaces.parts.layer_shapes import LayerShape
from spaces.single_path.space import SinglePath

if TYPE_CHECKING:
    from torch import nn

    from spaces.parts.network import Supernet

BLOCKS = SinglePath.options[:-1]


@dataclass(frozen=True)
class SinglePathSe(SinglePath):
    """Nine options per layer, eight in the first layer of a stage: four blocks, each without and with
    squeeze-and-excitation, and skip."""

    options = (*BLOCKS, *(f"{block}-se" for block in BLOCKS), "skip")
    choices = (8, 9, 9, 9) * 5

    def block(self, option: str, shape: LayerShape) -> nn.Module:
        if not option.endswith("-se"):
            return super().block(option, shape)
        from spaces.single_path_se.supernet import ExcitedMBConv

        kernel, expansion, _ = option.split("-")
        return ExcitedMBConv(shape, int(kernel[0]), int(expansion))

    def supernet(self, size: Size) -> Supernet:
        from spaces.single_path_se.supernet import ExcitedSupernet

        return ExcitedSupernet(self, size)
