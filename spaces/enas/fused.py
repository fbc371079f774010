"""The faster forms of ENAS' supernet on a CPU: one reader's convolutions, and a whole cell where the mix is a path."""

from __future__ import annotations

from torch import Tensor

from spaces.enas.shared_layer import Bank, SharedLayer, SharedSepConv
from spaces.enas.wiring import Wiring
from spaces.parts.cpu.channelwise import convolve_and_normalise
from spaces.parts.cpu.fuse import Fused
from spaces.parts.cpu.path_cell import PathCell
from spaces.parts.cpu.path_steps import Side, unit


class FastBank(Fused, Bank):
    def fast(self, x: Tensor, reader: int) -> Tensor:
        return convolve_and_normalise(x, *unit([weights[reader] for weights in self.parameters()]))


class FastSharedLayer(Fused, SharedLayer):
    def fast(self, before: Tensor, last: Tensor, wiring: Wiring) -> tuple[Tensor, Tensor]:
        if not wiring.path:
            return SharedLayer.forward(self, before, last, wiring)
        last, states = self.read(before, last)
        banks: list[Tensor] = []
        first: dict[str, int] = {}  # of each operation with weights that is on the path, its first tensor in `banks`
        sides = []
        for ((reader, source, name, _),) in wiring.sides:
            operation = self.operations[name]
            if isinstance(operation, SharedSepConv) and name not in first:
                first[name] = len(banks)
                banks += operation.parameters()
            sides.append(Side(source, name, (first[name], reader) if name in first else None))
        norm = self.combine.norm
        ends = tuple(wiring.ends)
        return last, PathCell.apply(*states, self.combine.matrices, norm.weight, norm.bias, *banks, sides, ends)
