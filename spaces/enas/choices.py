"""What can be chosen in the space of ENAS, and how its cells are stacked. Imports no torch."""

from __future__ import annotations

from itertools import accumulate

from spaces.parts.genotype import Edge

BLOCKS = 5
"""Blocks of a cell."""
OPERATIONS = ("sep_conv_3x3", "sep_conv_5x5", "avg_pool_3x3", "max_pool_3x3", "skip_connect")
MACROS = ("darts", "enas")
"""The two ways to stack cells; see `Enas`."""

SIDES = tuple(block + 2 for block in range(BLOCKS) for _ in range(2))
"""The number of inputs from which each side of each block of a cell chooses."""

FIRST_READER = (0, *accumulate(SIDES))
"""A reader is a pair (side of a block, input). For each side, the number of the reader of its input 0; the last entry
is the number of all readers of a cell."""


def layout(macro: str, cells: int) -> tuple[int, tuple[int, int]]:
    """(number of layers, positions of the two reductions). ENAS' own macro has two layers more than `cells`: the
    authors' `num_layers` does not count the reductions."""
    if macro == "enas":
        return cells + 2, (cells // 3, 2 * (cells // 3) + 1)
    return cells, (cells // 3, 2 * cells // 3)


def loose_ends(edges: tuple[Edge, ...]) -> tuple[int, ...]:
    """The states, cell inputs included, that no operation reads: their maps make up the cell's output."""
    read = {source for _, source in edges}
    return tuple(state for state in range(len(edges) // 2 + 2) if state not in read)
