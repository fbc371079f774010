"""Searches in stages: fewer candidates on deeper supernets (P-DARTS, with a limit on skip connections at the end), or a
group of candidates behind its representative (StacNAS)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from spaces.parts.cell_choices import Candidates, CellChoices
from spaces.parts.genotype import Genotype

if TYPE_CHECKING:
    from methods.parts.descent import Descent

Rows = Sequence[Sequence[float]]
"""The weights of the candidates at each place."""
SKIP = "skip_connect"


def narrowed(cells: CellChoices, rows: Rows, keep: int) -> CellChoices:
    """The `keep` heaviest candidates of each place, in their order; of equal ones the later."""

    def kept(names: Sequence[str], row: Sequence[float]) -> tuple[str, ...]:
        dropped = sorted(range(len(names)), key=lambda k: row[k])[: max(0, len(names) - keep)]
        return tuple(name for k, name in enumerate(names) if k not in dropped)

    half = len(cells.normal)
    normal, reduce = (
        tuple(map(kept, candidates, part))
        for candidates, part in ((cells.normal, rows[:half]), (cells.reduce, rows[half:]))
    )
    return replace(cells, normal=normal, reduce=reduce)


def with_few_skips(cells: CellChoices, rows: Rows, most: int) -> Genotype:
    """The genotype that is derived when skip connections of the normal cell are taken away, the weakest of those that
    are derived first, each time followed by a new derivation, until at most `most` are left."""
    weights = [list(row) for row in rows]
    while True:
        genotype = cells.derive(weights)
        chosen = cells.places(genotype)[: len(genotype.normal)]
        skips = [(place, k) for place, k in chosen if cells.normal[place][k] == SKIP and weights[place][k] > 0]
        if len(skips) <= most:
            return genotype
        place, k = min(skips, key=lambda skip: weights[skip[0]][skip[1]])
        weights[place][k] = 0.0


def stage_of(epoch: int, epochs: int, stages: int) -> tuple[int, int, int]:
    """Of an epoch of a search that is divided evenly into stages, at most as many as it has epochs: (number of its
    stage from 0, its number in the stage from 0, the stage's epochs)."""
    stages = min(stages, epochs)
    firsts = [-(-stage * epochs // stages) for stage in range(stages + 1)]
    stage = epoch * stages // epochs
    return stage, epoch - firsts[stage], firsts[stage + 1] - firsts[stage]


class Stages:
    """The stage that a search is in: its number, its candidates and what descends in it; all that changes."""

    def __init__(self, cells: CellChoices, begin: Callable[[int, CellChoices], Descent]):
        """begin: the descent of a stage, with fresh weights and parameters, from its number and candidates."""
        self.number, self.cells, self._begin = 0, cells, begin
        self.descent = begin(0, cells)

    def advance(self, cells: CellChoices) -> None:
        """Begins the next stage, with these candidates."""
        self.number, self.cells = self.number + 1, cells
        self.descent = self._begin(self.number, self.cells)

    def rows(self) -> Rows:
        return [weights.tolist() for weights in self.descent.alphas.compared()]

    def state_dict(self) -> dict[str, Any]:
        parts = {name: part.state_dict() for name, part in self.descent.state().items()}
        return {"number": self.number, "normal": self.cells.normal, "reduce": self.cells.reduce, "descent": parts}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.number = state["number"]
        self.cells = replace(self.cells, normal=_names(state["normal"]), reduce=_names(state["reduce"]))
        self.descent = self._begin(self.number, self.cells)  # the run restores its generator after this
        for name, part in self.descent.state().items():
            part.load_state_dict(state["descent"][name])


def _names(candidates: Sequence[Sequence[str]]) -> Candidates:
    return tuple(map(tuple, candidates))
