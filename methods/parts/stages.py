"""The stages of P-DARTS: fewer candidates on deeper supernets, and a limit on skip connections at the end."""

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


class Stages:
    """The stage that a search is in: its number, its candidates and what descends in it; all that changes."""

    def __init__(self, cells: CellChoices, begin: Callable[[int, CellChoices], Descent]):
        """begin: the descent of a stage, with fresh weights and parameters, from its number and candidates."""
        self.number, self.cells, self._begin = 0, cells, begin
        self.descent = begin(0, cells)

    def advance(self, keep: int) -> None:
        """Begins the next stage, with the `keep` heaviest candidates of each place."""
        self.number, self.cells = self.number + 1, narrowed(self.cells, self.rows(), keep)
        self.descent = self._begin(self.number, self.cells)

    def rows(self) -> Rows:
        return [weights.tolist() for weights in self.descent.alphas.mix()]

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
