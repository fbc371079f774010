"""What ENAS' supernet and one path of it share: the stack of a search, and the beginning of each layer.

In the authors' search (melodyguan/enas, src/cifar10/micro_child.py), a reduction layer first halves the map before it,
and its operations have stride 1; it hands that halved map on, so that the next layer finds two maps of the same size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from spaces.base import Size
from spaces.enas.choices import layout
from spaces.enas.network import BareReduce, fit
from spaces.parts.operations import FactorizedReduce
from spaces.parts.stack import CellShape, CellStack


class SearchLayer(nn.Module):
    """The maps that a layer's cell reads: halved before a reduction cell, with the cell's channels."""

    def __init__(self, shape: CellShape):
        super().__init__()
        channels, (older, newer) = shape.channels, shape.inputs
        self.outputs = channels
        self.reduce = BareReduce(newer, channels) if shape.reduction else None
        if shape.reduction:
            older, newer = newer, channels
        self.calibrate0 = FactorizedReduce(older, channels) if shape.reduction or shape.halved else fit(older, channels)
        self.calibrate1 = fit(newer, channels)

    def read(self, before: Tensor, last: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(the map to hand on, the two maps that the cell reads)."""
        if self.reduce is not None:
            before, last = last, self.reduce(last)
        return last, [self.calibrate0(before), self.calibrate1(last)]


class SearchStack(CellStack):
    """Stem, layers, ReLU, global pooling, linear classifier without a bias. Layers are `SearchLayer`s; each gives the
    two maps that the next one takes."""

    def __init__(self, size: Size, macro: str, build: Callable[[CellShape], SearchLayer]):
        def layer(shape: CellShape) -> SearchLayer:
            if shape.halved and len(self.cells):  # the map of before was halved too, and has the same channels
                shape = replace(shape, inputs=(shape.inputs[1], shape.inputs[1]), halved=False)
            return build(shape)

        super().__init__(size, layer, search=True, layout=layout(macro, size.cells), bias=False)
        self.relu = nn.ReLU()

    def step(self, i: int, before: Tensor, last: Tensor, *given: Any) -> tuple[Tensor, Tensor]:
        return self.cells[i](before, last, *given)

    def logits(self, last: Tensor) -> Tensor:
        return super().logits(self.relu(last))
