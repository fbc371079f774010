"""What a table of a space is made from: which architectures are trained, how often, and by which protocol. No torch."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import dataclass
from pathlib import Path

from harness.plan import registry
from harness.plan.jobs import RANDOM, Search
from harness.plan.seeds import seed_of
from protocols.tables.base import FACTS
from spaces.base import Arch, Space, UserError
from spaces.parts.declared import PREFIX

MOST = 100_000
"""Architectures of a space that can be trained one by one."""
Question = tuple[Arch, int]
"""An architecture, and the number of its run."""


@dataclass(frozen=True)
class Plan:
    """What is trained: the first of each class of equal architectures once, and `sampled` of them, drawn at random,
    `seeds` times."""

    protocol: str
    dataset: str
    space: str
    seeds: int
    sampled: int

    def job(self, seed: int) -> Search:
        """The search whose evaluations these trainings are."""
        return Search(self.protocol, self.dataset, self.space, RANDOM, seed)

    def check(self, into: Path) -> None:
        """UserError where this cannot become a table, before anything is trained."""
        space, setting = registry.space(self.space), self.job(0).setting
        if setting.looks_up or self.dataset.startswith("table:"):
            raise UserError("a table is made by training: name a protocol that trains, and a dataset of images")
        if self.space.startswith(PREFIX):
            raise UserError(
                f"space {self.space} has no networks to train: name one of {', '.join(registry.names('spaces'))}"
            )
        if (number := math.prod(space.choices)) > MOST:
            raise UserError(
                f"space {self.space} has {number:.3g} architectures, and {MOST:,} can be trained: name a smaller one"
            )
        if into.exists() and not (into / FACTS).is_file():
            raise UserError(f"{into} exists and is no table: name another folder")

    def questions(self, space: Space) -> list[Question]:
        """All, in the order in which they are trained: each class once, before any of them again."""
        first: dict[str, Arch] = {}
        for arch in itertools.product(*(range(options) for options in space.choices)):
            if space.valid(arch):
                first.setdefault(space.isomorphism(arch), arch)
        archs = list(first.values())
        draw = random.Random(seed_of(space=self.space, purpose="table"))
        again = draw.sample(archs, min(self.sampled, len(archs)))
        return [(arch, 0) for arch in archs] + [(arch, seed) for arch in again for seed in range(1, self.seeds)]
