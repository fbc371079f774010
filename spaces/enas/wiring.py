"""What one cell of ENAS' supernet computes for a mix: which candidates, and which states make up its output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from spaces.enas.choices import BLOCKS, FIRST_READER, OPERATIONS

Weight = float | Tensor
"""A constant, or a tensor () that needs a gradient."""


class Candidate(NamedTuple):
    """One candidate of a side: an operation on an input, with its weight in the mix."""

    reader: int
    source: int
    operation: str
    weight: Weight


class Wiring(NamedTuple):
    """The candidates of each side, and the share of each state in the cell's output. Candidates and states whose
    weight is exactly 0 and needs no gradient are left out."""

    sides: list[list[Candidate]]
    ends: dict[int, Weight]

    @property
    def path(self) -> bool:
        """Whether one candidate per side is computed, with weight 1."""
        return all(len(side) == 1 and _is(1.0, side[0].weight) for side in self.sides)


def wire(mix: Sequence[Tensor]) -> Wiring:
    """The wiring of one cell's mix: ten vectors of weights, of which candidate k is operation k % 5 on input k // 5.

    On a path, states that no side reads have share 1, others 0. For other mixes the share of a state is the probability
    that no side reads it if each side draws one candidate by its weights: the product over the sides of 1 - the sum of
    their weights for it.
    """
    sides = [
        [
            Candidate(first + k // len(OPERATIONS), k // len(OPERATIONS), OPERATIONS[k % len(OPERATIONS)], weight)
            for k, weight in _used(weights)
        ]
        for first, weights in zip(FIRST_READER, mix)
    ]
    shares: list[Weight] = [1.0] * (BLOCKS + 2)
    for side in sides:
        for source in {candidate.source for candidate in side}:
            shares[source] = shares[source] * (1.0 - sum(c.weight for c in side if c.source == source))
    return Wiring(sides, {state: share for state, share in enumerate(shares) if not _is(0.0, share)})


def _used(weights: Tensor) -> list[tuple[int, Weight]]:
    """The numbers and weights of the candidates that must be computed."""
    if weights.requires_grad:
        return list(enumerate(weights.unbind()))
    return [(k, weight) for k, weight in enumerate(weights.tolist()) if weight != 0.0]


def weighted(x: Tensor, weight: Weight) -> Tensor:
    """x * weight, without a product where the weight is the constant 1."""
    return x if _is(1.0, weight) else x * weight


def _is(constant: float, weight: Weight) -> bool:
    return isinstance(weight, float) and weight == constant
