"""The part of a space that a condition leaves."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from spaces.base import Arch, Size, Space, UserError

if TYPE_CHECKING:
    from spaces.parts.network import Network

TRIES = 10_000


class LimitedSpace(Space):
    """Sampling stays uniform over what is left: architectures are drawn from the whole space and rejected."""

    def __init__(self, space: Space, allowed: Callable[[Arch], bool], condition: str):
        """`condition`: the words of the error where nothing is left."""
        self.choices = space.choices
        self._space, self._allowed, self._condition = space, allowed, condition

    def valid(self, arch: Arch) -> bool:
        return self._space.valid(arch) and self._allowed(arch)

    def sample(self, rng: random.Random) -> Arch:
        for _ in range(TRIES):
            if self._allowed(arch := self._space.sample(rng)):
                return arch
        raise UserError(f"{TRIES} random architectures, and none is within {self._condition}: allow more")

    def mutate(self, arch: Arch, rng: random.Random) -> Arch:
        near = list(self.neighbours(arch))
        return rng.choice(near) if near else arch

    def decode(self, arch: Arch) -> Any:
        return self._space.decode(arch)

    def encode(self, design: Any) -> Arch:
        return self._space.encode(design)

    def write(self, design: Any) -> str:
        return self._space.write(design)

    def read(self, text: str) -> Any:
        return self._space.read(text)

    def network(self, design: Any, size: Size) -> Network:
        return self._space.network(design, size)
