"""The groups of correlated operations of StacNAS, and their architecture parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from methods.parts.architect import Alphas
from methods.parts.stages import Rows
from spaces.parts.cell_choices import Candidates, CellChoices

NONE = "none"
GROUPS = (
    ("max_pool_3x3", "avg_pool_3x3"),
    ("sep_conv_3x3", "sep_conv_5x5"),
    ("dil_conv_3x3", "dil_conv_5x5"),
)
"""The representative first (susan0199/StacNAS, genotypes.py). Any other operation is a group of its own."""


def group_of(name: str) -> tuple[str, ...]:
    return next((group for group in GROUPS if name in group), (name,))


def represented(cells: CellChoices) -> CellChoices:
    """On each edge the first member that it has of each group, in the edge's order, and `none`."""

    def kept(names: Sequence[str]) -> tuple[str, ...]:
        first = {next(member for member in group_of(name) if member in names) for name in names}
        return tuple(name for name in names if name in first)

    return _each(cells, lambda _, names: kept(names))


def opened(cells: CellChoices, before: CellChoices, rows: Rows) -> CellChoices:
    """On each edge the whole group of its heaviest operation, and `none` where it is a candidate. cells: of the space;
    before, rows: the representatives and their weights, of which that of `none` does not count."""

    def kept(place: int, names: Sequence[str]) -> tuple[str, ...]:
        stood = (before.normal + before.reduce)[place]
        weights = {name: weight for name, weight in zip(stood, rows[place]) if name != NONE}
        group = group_of(max(weights, key=lambda name: weights[name]))
        return tuple(name for name in names if name in (*group, NONE))

    return _each(cells, kept)


def _each(cells: CellChoices, kept: Callable[[int, Sequence[str]], tuple[str, ...]]) -> CellChoices:
    found: Candidates = tuple(kept(place, names) for place, names in enumerate(cells.normal + cells.reduce))
    half = len(cells.normal)
    return replace(cells, normal=found[:half], reduce=found[half:])


class Twins(Alphas):
    """Where an edge has one operation besides `none`, this one has two logits, as the public code lists the skip
    connection twice: a group of one would else weigh more than each member of a group of two, and its edge win."""

    def __init__(self, candidates: Candidates, generator: torch.Generator):
        self.lone = [
            next(k for k, name in enumerate(names) if name != NONE) if len(set(names) - {NONE}) == 1 else None
            for names in candidates
        ]
        super().__init__([len(names) + (k is not None) for names, k in zip(candidates, self.lone)], generator)

    def mix(self) -> list[Tensor]:
        """The weights of the candidates: a lone one has those of both twins."""
        return [_folded(row, k, torch.add) for row, k in zip(super().mix(), self.lone)]

    def compared(self) -> list[Tensor]:
        """A lone candidate has the larger weight of its twins."""
        return [_folded(row, k, torch.maximum) for row, k in zip(super().mix(), self.lone)]


def _folded(row: Tensor, k: int | None, join: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """row: the weights of an edge, the twin of candidate k last."""
    if k is None:
        return row
    twin = torch.arange(len(row) - 1, device=row.device) == k
    return torch.where(twin, join(row[:-1], row[-1]), row[:-1])
