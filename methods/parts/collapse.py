"""How far a search has gone towards skip connections and `none`, the collapse that DARTS is known for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

SHARES = {"skip_share": "skip_connect", "none_share": "none"}


def shares(candidates: Sequence[Sequence[str]], mix: Sequence[Tensor]) -> dict[str, float]:
    """The mean weight of skip connections and of `none` in a mix, each over the places that have it as a candidate;
    what no place has is left out. candidates: their names at each place."""
    found = {}
    for share, operation in SHARES.items():
        weights = [row[names.index(operation)].item() for names, row in zip(candidates, mix) if operation in names]
        if weights:
            found[share] = sum(weights) / len(weights)
    return found
