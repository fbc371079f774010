"""The space of DARTS (Liu et al., ICLR 2019): two cells of four nodes, each node adds two of seven operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spaces.base import Size
from spaces.darts.choices import CELLS
from spaces.parts.cell_space import CellSpace

if TYPE_CHECKING:
    from spaces.parts.network import Supernet


@dataclass(frozen=True)
class Darts(CellSpace):
    """An architecture lists, for the normal cell and then the reduction cell, three numbers per node: the pair of
    distinct inputs, the operation on the lower input, the operation on the higher one. Every combination is valid: per
    cell 1 * 3 * 6 * 10 pairs times 7^8 operations. Independent uniform choices are the paper's random search."""

    cells = CELLS
    choices = CELLS.choices

    def supernet(self, size: Size) -> Supernet:
        from spaces.darts.supernet import DartsSupernet

        return DartsSupernet(size)
