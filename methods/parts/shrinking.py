"""A graph with every candidate at every place, which loses them one by one (AutoShrink)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from methods.parts.costs import Costs
from spaces.parts.network import Supernet


class Graph:
    """`left`: the candidates that are left at each place, never none."""

    def __init__(self, shape: Sequence[int], left: Sequence[Sequence[int]] | None = None):
        """shape: the number of candidates at each place of the dense graph."""
        self.shape = shape
        self.left = [list(some) for some in left or map(range, shape)]

    @property
    def edges(self) -> int:
        """The number of all that is left."""
        return sum(map(len, self.left))

    def removable(self) -> list[tuple[int, int]]:
        """(place, candidate) of what can go: the last one of a place stays."""
        return [(place, k) for place, some in enumerate(self.left) if len(some) > 1 for k in some]

    def without(self, edge: tuple[int, int]) -> Graph:
        return Graph(self.shape, [[k for k in some if (place, k) != edge] for place, some in enumerate(self.left)])

    def mix(self, supernet: Supernet) -> list[Tensor]:
        """The average of what is left at each place, exactly 0 for the rest."""
        like = next(supernet.parameters())
        mix = [like.new_zeros(candidates) for candidates in self.shape]
        for row, some in zip(mix, self.left):
            row[some] = 1 / len(some)
        return mix

    def cost(self, costs: Costs) -> float:
        """Of all that is left."""
        constant, table = costs
        return constant + sum(row[k] for row, some in zip(table, self.left) for k in some)

    def state_dict(self) -> dict[str, Any]:
        return {"left": self.left}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.left = [list(some) for some in state["left"]]
