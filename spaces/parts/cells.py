"""The network of stacked cells that evaluates any genotype (quark0/darts, cnn/model.py)."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from spaces.base import Size
from spaces.parts.auxiliary import AuxiliaryHead
from spaces.parts.genotype import Edge, Genotype
from spaces.parts.network import DropPath, Network
from spaces.parts.operations import Concat, FactorizedReduce, ReluConvBn, operation
from spaces.parts.stack import CellShape, CellStack


class Cell(nn.Module):
    """One cell: two preprocessed inputs, nodes that add two operations each, and a concatenation of states.

    States 0 and 1 are the inputs, 2 and more the nodes. In a reduction cell, an input that the concatenation lists
    (ENAS' loose ends) passes a FactorizedReduce, so that its map is as small as those of the nodes.
    """

    def __init__(self, edges: tuple[Edge, ...], concat: tuple[int, ...], shape: CellShape, search: bool = False):
        super().__init__()
        channels = shape.channels
        self.sources = [source for _, source in edges]
        self.concat, self.outputs = concat, len(concat) * channels
        self.preprocess0 = (FactorizedReduce if shape.halved else ReluConvBn)(shape.inputs[0], channels, search)
        self.preprocess1 = ReluConvBn(shape.inputs[1], channels, search)
        self.operations = nn.ModuleList(
            operation(name, channels, 2 if shape.reduction and source < 2 else 1, search) for name, source in edges
        )
        loose = [state for state in concat if state < 2 and shape.reduction]
        self.loose = nn.ModuleDict({str(state): FactorizedReduce(channels, channels, search) for state in loose})
        self.join = Concat()

    def forward(self, before: Tensor, last: Tensor, drop: DropPath | None = None) -> Tensor:
        states = [self.preprocess0(before), self.preprocess1(last)]
        for i in range(0, len(self.operations), 2):
            states.append(self._edge(i, states, drop) + self._edge(i + 1, states, drop))
        for state, reduce in self.loose.items():
            states[int(state)] = reduce(states[int(state)])
        return self.join(*(states[state] for state in self.concat))

    def _edge(self, i: int, states: list[Tensor], drop: DropPath | None) -> Tensor:
        apply = self.operations[i]
        y = apply(states[self.sources[i]])
        return y if drop is None or isinstance(apply, nn.Identity) else drop(y)


class StackedNetwork(CellStack, Network):
    """A `CellStack` that stands alone. The auxiliary head, if any, reads the result of the cell `auxiliary_after`."""

    auxiliary_after: int

    def forward(self, x: Tensor, drop: DropPath | None = None) -> tuple[Tensor, Tensor | None]:
        extra = None
        for i, last in enumerate(self.maps(x, drop)):
            if i == self.auxiliary_after and self.auxiliary is not None and self.training:
                extra = self.auxiliary(last)
        return self.logits(last), extra


class CellNetwork(StackedNetwork):
    """A genotype's cells in a `CellStack`; the auxiliary head, if any, reads the result of the second reduction.

    `search` builds operations in their search form (see `spaces.parts.operations`): what a supernet's path computes.
    """

    def __init__(self, genotype: Genotype, size: Size, search: bool = False):
        def cell(shape: CellShape) -> Cell:
            if shape.reduction:
                return Cell(genotype.reduce, genotype.reduce_concat, shape, search)
            return Cell(genotype.normal, genotype.normal_concat, shape, search)

        super().__init__(size, cell, search)
        self.auxiliary_after = self.reductions[1]
        if size.auxiliary:
            read: Any = self.cells[self.auxiliary_after]
            self.auxiliary = AuxiliaryHead(read.outputs, size.classes, imagenet=size.stem == "imagenet")
