"""What methods need that are defined for spaces of two cells, such as supernets with other edges."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from methods.base import Run
from spaces.base import Size, Space
from spaces.parts.cell_choices import CellChoices
from spaces.parts.cell_space import CellSpace

if TYPE_CHECKING:
    from spaces.parts.mixed_cells import Edges
    from spaces.parts.network import Supernet


def no_cells(space: Space) -> str | None:
    """Why such a method cannot search a space; None where it can."""
    return None if isinstance(space, CellSpace) else "it is defined for spaces of two cells, and this is none"


def cells_of(space: Space) -> CellChoices:
    """TypeError where the space is none of two cells."""
    if not isinstance(space, CellSpace):
        raise TypeError(f"{type(space).__name__}: {no_cells(space)}")
    return space.cells


def supernet_of(run: Run, edge: Edges, cells: CellChoices | None = None, depth: int | None = None) -> Supernet:
    """A supernet whose edges are of another kind than the space's own. cells: those of the space, unless given; depth:
    the number of cells, unless that of the protocol."""

    def build(size: Size) -> Supernet:
        from spaces.parts.mixed_cells import CellSupernet

        return CellSupernet(cells or cells_of(run.space), replace(size, cells=depth or size.cells), edge)

    return run.supernet(build)
