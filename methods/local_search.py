"""Local search: from a random architecture to its best neighbour, as long as that is better; then from another one.

Paper: White, Nolen and Savani, Exploring the loss landscape in neural architecture search (UAI 2021), algorithm 1.

Exact: all neighbours are evaluated before the step to the best of them. The paper's other form moves to the first one
that is better, in random order: `first`.

Departs from the paper: after a local optimum the search starts again from a random architecture until the budget is
spent, as in the public code (naszilla/naszilla).
"""

from __future__ import annotations

from dataclasses import dataclass

from methods.parts.queries import Asking, QueryMethod
from spaces.base import Arch


@dataclass(frozen=True)
class LocalSearch(QueryMethod):
    first: bool = False

    def explore(self, asking: Asking) -> None:
        while True:
            here = asking.sample()
            value = asking.value(here)
            while better := self._better(asking, here, value):
                value, here = better

    def _better(self, asking: Asking, here: Arch, value: float) -> tuple[float, Arch] | None:
        """The neighbour to move to, with its value; None at a local optimum."""
        near = list(asking.space.neighbours(here))
        asking.rng.shuffle(near)
        best = value, here
        for arch in near:
            found = asking.value(arch), arch
            if found[0] > best[0]:
                best = found
                if self.first:
                    break
        return best if best[0] > value else None
