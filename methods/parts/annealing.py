"""FOX-NAS' annealing, which has no temperature: it accepts what is better, and what is a little worse when stuck."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from spaces.base import Arch

MOST, LEAST, SHRINKS = 8, 5, 1000
"""Decisions that a proposal may change: 8, one fewer every 1,000 proposals, at least 5."""
STUCK, LOOSE, WORSE = 500, 10_000, 0.1
"""After 500 proposals without an accepted one, and before the 10,000th, one that is worse by less than 0.1 is accepted:
percentage points of accuracy."""
SWITCH = 200
"""Proposals with the early weights."""
TRIES = 1000
"""Proposals in a row that are not allowed, after which one counts as rejected."""


class Walk(NamedTuple):
    """What a proposal may be. `moves(decision, option)`: the options that can be drawn. `early`, `late`: how often each
    decision is among those that change, in the first proposals and after them."""

    moves: Callable[[int, int], Sequence[int]]
    early: Sequence[float]
    late: Sequence[float]
    allowed: Callable[[Arch], bool]

    def propose(self, arch: Arch, number: int, rng: random.Random) -> Arch:
        """number: of the proposal since this walk's start, from 0."""
        weights = self.early if number < SWITCH else self.late
        count = min(max(LEAST, MOST - number // SHRINKS), sum(weight > 0 for weight in weights))
        for _ in range(TRIES):
            changed = list(arch)
            for decision in drawn(weights, count, rng):
                changed[decision] = rng.choice(self.moves(decision, arch[decision]))
            if self.allowed(proposal := tuple(changed)):
                return proposal
        return arch


def drawn(weights: Sequence[float], count: int, rng: random.Random) -> list[int]:
    """`count` places without replacement, each in proportion to its weight (Efraimidis and Spirakis, 2006)."""
    keys = [rng.expovariate(weight) if weight > 0 else float("inf") for weight in weights]
    return sorted(range(len(weights)), key=keys.__getitem__)[:count]


def anneal(
    start: Arch, walk: Walk, score: Callable[[Arch], float], patience: int, rng: random.Random
) -> dict[Arch, float]:
    """What was accepted on the way, with its score in percentage points, until `patience` proposals in a row were
    not."""
    here, best = start, score(start)
    accepted = {here: best}
    number = rejected = 0
    while rejected < patience:
        proposal = walk.propose(here, number, rng)
        value = score(proposal)
        number += 1
        if value > best or (rejected > STUCK and number < LOOSE and value - best > -WORSE):
            here, best, rejected = proposal, value, 0
            accepted[here] = value
        else:
            rejected += 1
    return accepted
