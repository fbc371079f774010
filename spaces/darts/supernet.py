"""The supernet of DARTS (quark0/darts, cnn/model_search.py): eight candidates on each of 14 edges of both cells."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from spaces.base import Size
from spaces.darts.choices import CELLS
from spaces.parts.genotype import Genotype
from spaces.parts.mixed_cells import CellSupernet


class DartsSupernet(CellSupernet):
    """`CellSupernet` with the candidates of DARTS: 28 places of 8."""

    shape = CELLS.shape

    def __init__(self, size: Size):
        super().__init__(CELLS, size)


def published_rule(mix: Sequence[Tensor]) -> Genotype:
    """The genotype that the public code reads from mixture weights, 28 vectors of 8: see `CellChoices.derive`."""
    return CELLS.derive([weights.tolist() for weights in mix])
