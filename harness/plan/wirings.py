"""Architectures that share their operations and differ in how their nodes are wired: what wiring alone is worth."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from harness.plan import registry
from harness.plan.seeds import seed_of
from spaces.base import Arch, UserError
from spaces.parts.cell_space import CellSpace

LABEL = "wiring_"
"""In place of the method, in front of the wiring's number."""


class Wired(BaseModel):
    """Random choices of all operations of a cell space, each in several random wirings: uniform over the space, one by
    one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    operations: Annotated[int, Field(strict=True, ge=3, le=10_000)]
    wirings: Annotated[int, Field(strict=True, ge=2, le=100)]

    def drawn(self, space: str) -> Iterator[tuple[str, int, str]]:
        """(label of the wiring, number of the operations, the architecture's text). More of either change no other.
        UserError where a space's operations and wirings are not chosen apart."""
        known = registry.space(space)
        if not isinstance(known, CellSpace) or len(set(known.cells.normal)) > 1 or len(set(known.cells.reduce)) > 1:
            raise UserError(f"space {space} has no wiring apart from its operations: name a number of architectures")
        for i in range(self.operations):
            rng = random.Random(seed_of(purpose="operations", space=space, number=i))
            operations, known_wirings = known.sample(rng), set[Arch]()
            for k in range(self.wirings):
                rng = random.Random(seed_of(purpose="wiring", space=space, number=i, wiring=k))
                wired = _rewired(known, operations, rng)
                while wired in known_wirings:
                    wired = _rewired(known, operations, rng)
                known_wirings.add(wired)
                yield f"{LABEL}{k}", i, known.text(wired)


def _rewired(space: CellSpace, arch: Arch, rng: random.Random) -> Arch:
    """Every third decision is the pair of a node's inputs: `CellChoices`."""
    other = space.sample(rng)
    return tuple(other[i] if i % 3 == 0 else chosen for i, chosen in enumerate(arch))
