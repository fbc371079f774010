"""Single-Path NAS's space with squeeze-and-excitation as a further choice of every layer. Abstract-level.

The journal version (Stamoulis et al., arXiv 1907.00959) is known to us from its abstract; what it leaves open is said
in `spaces/single_path_se/supernet.py`. Without "-se" blocks the networks are those of the space single_path.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spaces.base import Size
from spaces.parts.layerwise import Place
from spaces.single_path.space import SinglePath

if TYPE_CHECKING:
    from torch import nn

    from spaces.single_path_se.supernet import ExcitedSupernet

BLOCKS = SinglePath.options[:-1]


@dataclass(frozen=True)
class SinglePathSe(SinglePath):
    """Nine options a layer, eight where a stage begins: a skipped layer has nothing to excite."""

    options = (*BLOCKS, *(f"{block}-se" for block in BLOCKS), "skip")
    choices = (8, 9, 9, 9) * 5

    def block(self, option: str, place: Place) -> nn.Module:
        if not option.endswith("-se"):
            return super().block(option, place)
        from spaces.single_path_se.supernet import ExcitedMBConv

        kernel, expansion, _ = option.split("-")
        return ExcitedMBConv(place, int(kernel[0]), int(expansion))

    def supernet(self, size: Size) -> ExcitedSupernet:
        from spaces.single_path_se.supernet import ExcitedSupernet

        return ExcitedSupernet(self, size)
