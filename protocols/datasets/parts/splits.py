"""The one rule for random splits: stratified, from a fixed seed, the same on every machine. Plain Python, no numpy."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")

SHARES = (0.4, 0.4, 0.2)  # of every class for train, val and test, where its authors or DARTS give no other rule
RULE = "40/40/20 per cent of every class become train, val and test, drawn from a fixed seed"
"""`SHARES` in words, for the fact `split`."""

RULE_AND_PAPER = (
    f"{RULE}: the proportions of 'NAS evaluation is frustratingly hard' (2020), whose own random 80/20 split "
    "(data/*.csv in antoyang/NAS-Benchmark) is another draw; neither is the official split; splits.csv lists every file"
)
"""The same for datasets that the paper tests: Sport8, MIT67 and Flowers102."""


def divided(items: Sequence[Item], strata: Sequence[object], shares: Sequence[float], seed: str) -> list[list[Item]]:
    """The items of each share, in their order. `strata`: the group of each item, often its class; `shares` and `seed`
    as in `stratified`."""
    return [[items[index] for index in share] for share in stratified(strata, shares, seed)]


def stratified(strata: Sequence[object], shares: Sequence[float], seed: str) -> list[list[int]]:
    """Indices of each share, ascending. `shares` are fractions of every stratum; where they add up to less than 1, the
    rest is not used.

    Each stratum is shuffled from a seed of its own, so that a change in one class moves no image of another.
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
