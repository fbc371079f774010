"""A real `Run` over tensors in memory, for tests of methods."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from harness.running.counts import describe
from methods.base import Run
from protocols.base import Budget, Fidelity
from spaces.base import Arch, Size, Space
from spaces.parts.network import Network, Supernet


class TinyRun(Run):
    """`splits` maps "train" and "val" to (images, labels). `curve` collects what is logged, one dict per epoch; `seen`
    the split of every batch, in order; `state` is what the method checkpoints."""

    def __init__(
        self, space: Space, size: Size, budget: Budget, splits: dict[str, tuple[Tensor, Tensor]], seed: int = 0
    ):
        self.space, self.size, self.budget, self.splits = space, size, budget, splits
        self.rng = random.Random(seed)
        self._generator = torch.Generator().manual_seed(seed)
        self.curve: list[dict[str, float]] = []
        self.seen: list[str] = []
        self.state: dict[str, Any] = {}

    @property
    def generator(self) -> torch.Generator:
        return self._generator

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    def supernet(self, build: Callable[[Size], Supernet] | None = None) -> Supernet:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.generator.initial_seed())
            return (build or self.space.supernet)(self.size)

    def batches(self, split: str, augment: bool = True) -> Iterator[tuple[Tensor, Tensor]]:
        images, labels = self.splits[split]
        order = torch.randperm(len(labels), generator=self._generator)
        for i in range(self.steps(split)):
            chosen = order[i * self.budget.batch : (i + 1) * self.budget.batch]
            self.seen.append(split)
            yield images[chosen], labels[chosen]

    def batch(self, split: str, augment: bool = True) -> tuple[Tensor, Tensor]:
        return next(self.batches(split, augment))

    def steps(self, split: str) -> int:
        return max(len(self.splits[split][1]) // self.budget.batch, 1)

    def epochs(self, **state: Any) -> Iterator[int]:
        self.state = state
        for epoch in range(self.budget.epochs):
            self.curve.append({})
            yield epoch

    def log(self, **metrics: float) -> None:
        self.curve[-1].update(metrics)

    def network(self, arch: Arch) -> Network:
        return self.space.build(arch, self.size)

    def fidelities(self, axis: str) -> tuple[Fidelity, ...]:
        return (Fidelity(1),)

    def evaluate(self, arch: Arch, fidelity: Fidelity | None = None) -> float:
        raise RuntimeError("a tiny run has no evaluations")

    @property
    def left(self) -> float:
        return 0.0

    def evaluations(self) -> Iterator[int]:
        return iter(())

    def cost(self, metric: str, arch: Arch) -> float:
        return describe(self.space, self.space.decode(arch), self.size)[metric]

    def score(self, proxy: str, arch: Arch) -> float:
        raise RuntimeError("a tiny run has no scores")


def random_images(
    size: Size, images: int = 64, seed: int = 0, dtype: torch.dtype = torch.float32
) -> dict[str, tuple[Tensor, Tensor]]:
    """Splits of noise whose classes differ in mean and texture, so that a network can learn them."""
    generator = torch.Generator().manual_seed(seed)
    prototypes = torch.randn(size.classes, size.inputs, size.image, size.image, generator=generator, dtype=dtype)
    splits = {}
    for split in ("train", "val"):
        labels = torch.randint(size.classes, (images,), generator=generator)
        noise = torch.randn(images, size.inputs, size.image, size.image, generator=generator, dtype=dtype)
        splits[split] = prototypes[labels] + 0.5 * noise, labels
    return splits
