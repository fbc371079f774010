"""The base of the spaces whose networks stack a normal and a reduction cell. Imports no torch at planning time."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from spaces.base import Arch, Size, Space
from spaces.parts.cell_choices import Candidates, CellChoices
from spaces.parts.genotype import Genotype, read_genotype, write_genotype

if TYPE_CHECKING:
    from spaces.parts.network import Network, Supernet


class CellSpace(Space):
    """A space of two cells. Texts are genotypes.

    A subclass gives `cells` and `choices`, which is `cells.choices`; notation, stand-alone network and supernet follow.
    Sizes are those of DARTS, which the spaces derived from it took over.
    """

    cells: ClassVar[CellChoices]
    published = Size(channels=36, cells=20, classes=10, image=32)
    searched = Size(channels=16, cells=8, classes=10, image=32)

    def valid(self, arch: Arch) -> bool:
        return super().valid(arch) and self.cells.valid(arch)

    @property
    def candidates(self) -> Candidates:
        return self.cells.normal + self.cells.reduce

    def decode(self, arch: Arch) -> Genotype:
        return self.cells.decode(arch)

    def encode(self, design: Genotype) -> Arch:
        return self.cells.encode(design)

    def write(self, design: Genotype) -> str:
        return write_genotype(design)

    def read(self, text: str) -> Genotype:
        return read_genotype(text)

    def network(self, design: Genotype, size: Size) -> Network:
        from spaces.parts.cells import CellNetwork

        return CellNetwork(design, size)

    def supernet(self, size: Size) -> Supernet:
        from spaces.parts.mixed_cells import CellSupernet

        return CellSupernet(self.cells, size)
