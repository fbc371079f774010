"""Networks as one step each. Where a network cannot be recorded, its definition calls the forms of its parts."""

from __future__ import annotations

from torch import Tensor

from spaces.parts.blocks import LayerwiseNetwork
from spaces.parts.cells import CellNetwork
from spaces.parts.cpu.fuse import Fused
from spaces.parts.cpu.plan.replay import replayed
from spaces.parts.network import DropPath


class FastCellNetwork(Fused, CellNetwork):
    def fast(self, x: Tensor, drop: DropPath | None = None) -> tuple[Tensor, Tensor | None]:
        return replayed(self, x, drop, super(Fused, self).forward)


class FastLayerwiseNetwork(Fused, LayerwiseNetwork):
    def fast(self, x: Tensor, drop: DropPath | None = None) -> tuple[Tensor, Tensor | None]:
        return replayed(self, x, drop, super(Fused, self).forward)
