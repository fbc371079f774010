"""Why a method cannot search a space: the reasons that several methods share. Imports no torch."""

from __future__ import annotations

from spaces.base import Space


def supernet(space: Space) -> str | None:
    """A reason where the space has no supernet."""
    if type(space).supernet is Space.supernet:
        return "it trains shared weights, and this space has no supernet"
    return None


def costs(space: Space) -> str | None:
    """A reason where the space has no additive cost."""
    if type(space).costs is Space.costs:
        return "its cost is a sum over decisions, and this space's cost is not"
    return None
