"""A search of one batch of noise: what the rows of searches time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from methods.base import Run
from protocols.base import Budget
from spaces.base import Size, Space
from spaces.parts.network import Supernet

Batch = tuple[Tensor, Tensor]
"""(images, labels)"""


def noise(size: Size, images: int, seed: int) -> Batch:
    """Normal noise with random labels."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(images, size.inputs, size.image, size.image, generator=generator)
    return x, torch.randint(size.classes, (images,), generator=generator)


class OneBatchRun(Run):
    """One epoch of one batch on a supernet that exists already and keeps what it learns. Each split is one batch."""

    def __init__(self, space: Space, size: Size, supernet: Supernet, splits: dict[str, Batch], seed: int):
        self.space, self.size, self.splits, self.rng = space, size, splits, random.Random(seed)
        self.budget = Budget(epochs=1, batch=len(splits["train"][1]), candidates=1)
        self._supernet, self._generator = supernet, torch.Generator().manual_seed(seed)

    @property
    def generator(self) -> torch.Generator:
        return self._generator

    @property
    def device(self) -> torch.device:
        return self.splits["train"][0].device

    def supernet(self, build: Callable[[Size], Supernet] | None = None) -> Supernet:
        return build(self.size) if build else self._supernet

    def batches(self, split: str, augment: bool = True) -> Iterator[Batch]:
        yield self.splits[split]

    def batch(self, split: str, augment: bool = True) -> Batch:
        return self.splits[split]

    def steps(self, split: str) -> int:
        return 1

    def epochs(self, **state: Any) -> Iterator[int]:
        yield 0

    def log(self, **metrics: float) -> None:
        pass

    def _refused(self, *_: Any) -> Any:
        raise RuntimeError("a search of one batch trains no architecture from scratch")

    network = fidelities = cost = evaluate = evaluations = score = _refused  # type: ignore[assignment]
    left = property(_refused)
