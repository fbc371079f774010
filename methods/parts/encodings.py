"""Architectures as vectors of what they have: paths, where their space declares some, else options of decisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from spaces.base import Arch, Space


@runtime_checkable
class HasPaths(Protocol):
    """A space whose architectures are graphs."""

    def paths(self, arch: Arch) -> frozenset[str]:
        """The operations of each path from input to output, as a text; paths that carry nothing are left out."""
        ...


def features(space: Space, arch: Arch) -> frozenset[str]:
    """What an architecture has: its paths, or its option at each decision."""
    if isinstance(space, HasPaths):
        return space.paths(arch)
    return frozenset(f"{decision}={option}" for decision, option in enumerate(arch))


class Encoding:
    """A column for each feature that any of the known architectures has: others could not be learnt from these."""

    def __init__(self, space: Space, known: Sequence[Arch]):
        self.space = space
        self.columns = sorted(frozenset().union(*(features(space, arch) for arch in known)))

    def __call__(self, archs: Sequence[Arch]) -> np.ndarray:
        """(architectures, columns) of 0 and 1."""
        has = [features(self.space, arch) for arch in archs]
        rows = [[column in one for column in self.columns] for one in has]
        return np.array(rows, dtype=np.float32).reshape(len(archs), len(self.columns))
