"""One rule for every random split: stratified, from a fixed seed, the same on every machine. Plain Python, no numpy."""

from __future__ import annotations

import random
from collections.abc import Sequence

SPLITS = ("train", "val", "test")


def stratified(strata: Sequence[object], shares: Sequence[float], seed: str) -> list[list[int]]:
    """Indices of each share, ascending; shares are fractions of every stratum (sum at most 1; what is left is unused).

    Each stratum is shuffled from a seed of its own, so a changed class moves no image of another one.
    """
    members: dict[object, list[int]] = {}
    for index, stratum in enumerate(strata):
        members.setdefault(stratum, []).append(index)
    splits: list[list[int]] = [[] for _ in shares]
    for stratum, indices in members.items():
        random.Random(f"{seed}/{stratum}").shuffle(indices)
        cuts = [round(sum(shares[:i]) * len(indices)) for i in range(len(shares) + 1)]
        for split, start, end in zip(splits, cuts, cuts[1:]):
            split += indices[start:end]
    return [sorted(split) for split in splits]
