"""Aging evolution: the best of a random sample of the population gets a child, and the oldest of the population dies.

Paper: Real et al., Regularized evolution for image classifier architecture search (AAAI 2019), algorithm 1. With
`warmup` the first population is the best of a pool by a proxy, and with `move` a child is its parent's best neighbour
by a proxy (Abdelfattah et al., ICLR 2021).

Exact: the child joins before the oldest leaves; the sample is drawn without replacement; a child differs from its
parent in one decision.

Departs from the paper: its mutations, of an input or an operation, are one changed decision of any kind; the identity
is none of them. A repeated architecture costs nothing. The paper spends 20,000 evaluations: a budget below
`population` is spent on random architectures alone.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from methods.parts.queries import Asking, Move, QueryMethod, Warmup
from spaces.base import Arch


@dataclass(frozen=True)
class AgingEvolution(QueryMethod):
    population: int = 100
    tournament: int = 25  # architectures in a sample
    replacement: bool = False  # whether the sample is drawn with replacement, as in some public codes
    warmup: Warmup | None = None
    move: Move | None = None

    def explore(self, asking: Asking) -> None:
        first = iter(self.warmup.ranked(asking) if self.warmup else [])
        living: deque[tuple[float, Arch]] = deque()
        while len(living) < self.population:
            arch = next(first, None) or asking.sample()
            living.append((asking.value(arch), arch))
        draw = asking.rng.choices if self.replacement else asking.rng.sample
        while True:
            _, parent = max(draw(living, k=min(self.tournament, self.population)))
            child = self.move.child(asking, parent) if self.move else asking.space.mutate(parent, asking.rng)
            living.append((asking.value(child), child))
            living.popleft()
