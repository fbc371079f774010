"""The space of DARTS (Liu et al., ICLR 2019): two cells of four nodes, each node adds two of seven operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spaces.base import Arch, Size, Space
from spaces.darts.choices import CHOSEN, INPUTS, decode, encode
from spaces.parts.genotype import Genotype, read_genotype, write_genotype

if TYPE_CHECKING:
    from spaces.parts.network import Network, Supernet


@dataclass(frozen=True)
class Darts(Space):
    """An architecture lists, for the normal cell and then the reduction cell, three numbers per node: the pair of
    distinct inputs, the operation on the lower input, the operation on the higher one. Every combination is valid: per
    cell 1 * 3 * 6 * 10 pairs times 7^8 operations. Independent uniform choices are the paper's random search."""

    choices = tuple(options for pairs in INPUTS for options in (len(pairs), len(CHOSEN), len(CHOSEN))) * 2
    published = Size(channels=36, cells=20, classes=10, image=32)
    searched = Size(channels=16, cells=8, classes=10, image=32)

    def decode(self, arch: Arch) -> Genotype:
        return decode(arch)

    def encode(self, design: Genotype) -> Arch:
        return encode(design)

    def write(self, design: Genotype) -> str:
        return write_genotype(design)

    def read(self, text: str) -> Genotype:
        return read_genotype(text)

    def network(self, design: Genotype, size: Size) -> Network:
        from spaces.parts.cells import CellNetwork

        return CellNetwork(design, size)

    def supernet(self, size: Size) -> Supernet:
        from spaces.darts.supernet import DartsSupernet

        return DartsSupernet(size)
