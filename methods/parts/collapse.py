"""How far a search has gone towards skip connections and `none`, the collapse that DARTS is known for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from methods.parts.cell_spaces import candidates
from spaces.base import Space

if TYPE_CHECKING:
    from torch import Tensor

SHARES = {"skip_share": "skip_connect", "none_share": "none"}


def shares(space: Space, mix: Sequence[Tensor]) -> dict[str, float]:
    """The mean weight of skip connections and of `none`, each over the places that have it as a candidate, of a mix
    whose places sum to one. A candidate that no place has is left out, and so is a space without cells."""
    found = {}
    for share, operation in SHARES.items():
        weights = [
            row[names.index(operation)].item() for names, row in zip(candidates(space), mix) if operation in names
        ]
        if weights:
            found[share] = sum(weights) / len(weights)
    return found
