"""What can be chosen in the space of DARTS, and how an architecture becomes a genotype and back. Imports no torch."""

from __future__ import annotations

from itertools import combinations

from spaces.base import Arch, UserError
from spaces.parts.genotype import Edge, Genotype

NODES = 4
"""Nodes of a cell."""
CONCAT = (2, 3, 4, 5)
"""The states that make up a cell's output: all nodes."""
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
"""What an architecture can have on an edge: all candidates except `none`."""
INPUTS = tuple(tuple(combinations(range(node + 2), 2)) for node in range(NODES))
"""For each node the pairs of distinct inputs, in lexicographic order."""


def decode(arch: Arch) -> Genotype:
    """The genotype of an architecture; see `Darts` for what its numbers mean."""
    cells = [_decode_cell(arch[: 3 * NODES]), _decode_cell(arch[3 * NODES :])]
    return Genotype(cells[0], CONCAT, cells[1], CONCAT)


def encode(genotype: Genotype) -> Arch:
    """The architecture of a genotype, whatever the order of a node's two edges. UserError outside the space."""
    normal = _encode_cell("normal", genotype.normal, genotype.normal_concat)
    return normal + _encode_cell("reduce", genotype.reduce, genotype.reduce_concat)


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
