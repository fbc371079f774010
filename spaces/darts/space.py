"""The space of DARTS (Liu et al., ICLR 2019): two cells of four nodes, each node adds two of seven operations."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, ClassVar

from spaces.base import Arch, Size, Space, UserError
from spaces.parts.genotype import Edge, Genotype, read_genotype, write_genotype

if TYPE_CHECKING:
    from spaces.parts.network import Network, Supernet

NODES = 4
CONCAT = (2, 3, 4, 5)
CANDIDATES = (
    "none",
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
"""What the supernet mixes on every edge, in the order of quark0/darts."""
CHOSEN = CANDIDATES[1:]
"""What an architecture can hold: all but `none`."""
INPUTS = tuple(tuple(combinations(range(node + 2), 2)) for node in range(NODES))
"""For each node the pairs of distinct inputs, in lexicographic order."""


@dataclass(frozen=True)
class Darts(Space):
    """An architecture is, for the normal, then the reduction cell, for each node: which pair of distinct inputs, the
    operation on the lower, the operation on the higher. Every combination is valid, 1 * 3 * 6 * 10 pairs times 7^8 a
    cell, and independent uniform choices are the paper's random search."""

    choices: ClassVar[tuple[int, ...]] = (
        tuple(options for pairs in INPUTS for options in (len(pairs), len(CHOSEN), len(CHOSEN))) * 2
    )
    published: ClassVar[Size] = Size(channels=36, cells=20, classes=10, image=32)
    searched: ClassVar[Size] = Size(channels=16, cells=8, classes=10, image=32)

    def decode(self, arch: Arch) -> Genotype:
        cells = [_decode_cell(arch[: 3 * NODES]), _decode_cell(arch[3 * NODES :])]
        return Genotype(cells[0], CONCAT, cells[1], CONCAT)

    def encode(self, design: Genotype) -> Arch:
        return _encode_cell("normal", design.normal, design.normal_concat) + _encode_cell(
            "reduce", design.reduce, design.reduce_concat
        )

    def write(self, design: Genotype) -> str:
        return write_genotype(design)

    def read(self, text: str) -> Genotype:
        return read_genotype(text)

    def network(self, design: Genotype, size: Size) -> Network:
        from spaces.parts.cells import CellNetwork

        return CellNetwork(design, size)

    def supernet(self, size: Size) -> Supernet:
        from spaces.darts.supernet import DartsSupernet

        return DartsSupernet(self, size)


def _decode_cell(decisions: Arch) -> tuple[Edge, ...]:
    edges: list[Edge] = []
    for node, pairs in enumerate(INPUTS):
        pair, *operations = decisions[3 * node : 3 * node + 3]
        edges += [(CHOSEN[operation], source) for operation, source in zip(operations, pairs[pair])]
    return tuple(edges)


def _encode_cell(cell: str, edges: tuple[Edge, ...], concat: tuple[int, ...]) -> Arch:
    where = f"genotype is outside the DARTS space, '{cell}'"
    if len(edges) != 2 * NODES:
        raise UserError(f"{where}: {len(edges) // 2} nodes; the space has {NODES}")
    if tuple(sorted(concat)) != CONCAT:
        raise UserError(f"{where}: concat is {list(concat)}; the space concatenates all nodes, {list(CONCAT)}")
    decisions: list[int] = []
    for node in range(NODES):
        (first, low), (second, high) = sorted(edges[2 * node : 2 * node + 2], key=lambda edge: edge[1])
        for operation in (first, second):
            if operation not in CHOSEN:
                raise UserError(f"{where}, node {node + 2}: {operation} is not one of {', '.join(CHOSEN)}")
        if low == high:
            raise UserError(f"{where}, node {node + 2}: input {low} twice; a node has two distinct inputs")
        decisions += [INPUTS[node].index((low, high)), CHOSEN.index(first), CHOSEN.index(second)]
    return tuple(decisions)
