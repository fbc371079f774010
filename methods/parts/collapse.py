"""How far a search has decided, and how far it went towards skip connections and `none`: the collapse of DARTS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

SHARES = {"skip_share": ("skip_connect", "skip"), "none_share": ("none",)}
"""The names of what is counted, in spaces of cells and in layer-wise ones."""


def course(
    candidates: Sequence[Sequence[str]], mix: Sequence[Tensor], entropy: str = "alpha_entropy"
) -> dict[str, float]:
    """What a search logs of its mix in every epoch: its entropy, under this name, and the shares."""
    from methods.parts import bilevel

    return {entropy: bilevel.entropy(mix), **shares(candidates, mix)}


def shares(candidates: Sequence[Sequence[str]], mix: Sequence[Tensor]) -> dict[str, float]:
    """The mean weight of skip connections and of `none` in a mix, each over the places that have it as a candidate;
    what no place has is left out. candidates: their names at each place."""
    found = {}
    for share, counted in SHARES.items():
        weights = [w for names, row in zip(candidates, mix) for name, w in zip(names, row.tolist()) if name in counted]
        if weights:
            found[share] = sum(weights) / len(weights)
    return found
