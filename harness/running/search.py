"""One search as a method sees it: the halves of the data, the budget, the generators, the checkpoint."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.plan import registry
from harness.plan.jobs import RANDOM, Search, Training
from harness.plan.seeds import seed_of
from harness.running.curves import Curves
from methods.base import Run
from protocols.datasets import load, manifest
from spaces.base import Arch, Size, Space

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from harness.running.checkpoint import Checkpoint
    from harness.running.inputs import Inputs
    from protocols.datasets import Data
    from spaces.parts.network import Supernet


def search(job: Search, folder: Path, checkpoint: Callable[[], Checkpoint], clock: Any) -> dict[str, Any]:
    """Lets the method search, and checks what it did. `folder`: the prepared dataset. `checkpoint` and `clock`: see
    SearchRun. Returns the record's fields arch, result, curves."""
    space = registry.space(job.space)
    method = registry.method(job.method, **dict(job.parameters))
    run = SearchRun(job, space, folder, checkpoint, clock)
    if job.method != RANDOM:
        import torch  # noqa: F401 (so that its global generator is watched from the beginning)
    before = _global_generators()
    arch = method.search(run)
    if not isinstance(arch, tuple) or not space.valid(arch):
        raise TypeError(f"method {job.method} returned {arch!r}, which is no architecture of space {job.space}")
    for library in _drawn_from(before):
        raise RuntimeError(f"method {job.method} drew from {library}'s global generator: draw from run.rng")
    return {"arch": space.text(arch), **run.outcome()}


class SearchRun(Run):
    """torch and the data are loaded when a method first asks for them: random sampling never does."""

    def __init__(self, job: Search, space: Space, folder: Path, checkpoint: Callable[[], Checkpoint], clock: Any):
        """`folder`: the prepared dataset. `checkpoint` gives this search's, when it is first needed. `clock`: kept in
        the checkpoint."""
        self.job, self.space, self.folder = job, space, folder
        self.setting = job.setting
        facts = manifest(folder)
        self.size = job.size(len(facts["classes"]), facts["inputs"])
        self.budget = self.setting.budget
        self.rng = random.Random(self._seed("sample"))
        self.images = 0
        self.curves = Curves()
        self._clock = clock
        self._make_checkpoint = checkpoint
        self._evaluations = 0
        self._epoch = 0

    def _seed(self, purpose: str) -> int:
        return seed_of(**self.job.key, purpose=f"search {purpose}")

    @cached_property
    def data(self) -> Data:
        return load(self.folder)

    @cached_property
    def generator(self) -> torch.Generator:
        import torch

        return torch.Generator().manual_seed(self._seed("tensors"))

    @cached_property
    def device(self) -> torch.device:
        from harness.running.inputs import device

        return device()

    @cached_property
    def _checkpoint(self) -> Checkpoint:
        return self._make_checkpoint()

    @cached_property
    def _inputs(self) -> Inputs:
        from harness.running.inputs import Inputs

        return Inputs(self.data, self.setting, self.device)

    def supernet(self, build: Callable[[Size], Supernet] | None = None) -> Any:
        """The space's supernet or what `build` makes, with fresh weights that depend on the seed alone, on the
        device."""
        from harness.running.networks import fresh

        return fresh(lambda: (build or self.space.supernet)(self.size), self._seed("weights"), self.device)

    def _half(self, split: str) -> tuple[Tensor, Tensor]:
        if split not in ("train", "val"):
            raise ValueError(f"a search has the splits 'train' and 'val', not {split!r}")
        half = getattr(self.data, split)
        return half.images, half.labels

    def _load(self, split: str, index: Tensor, augment: bool) -> tuple[Tensor, Tensor]:
        images, labels = self._half(split)
        self.images += len(index)
        chosen = images.index_select(0, index)
        x = self._inputs.augmented(chosen, self.generator) if augment else self._inputs.plain(chosen)
        return x, labels[index].to(self.device)

    def steps(self, split: str) -> int:
        return max(1, len(self._half(split)[0]) // self.budget.batch)

    def batches(self, split: str, augment: bool = True) -> Iterator[tuple[Tensor, Tensor]]:
        import torch

        order = torch.randperm(len(self._half(split)[0]), generator=self.generator)
        for index in order.split(self.budget.batch)[: self.steps(split)]:
            yield self._load(split, index, augment)

    def batch(self, split: str, augment: bool = True) -> tuple[Tensor, Tensor]:
        import torch

        order = torch.randperm(len(self._half(split)[0]), generator=self.generator)
        return self._load(split, order[: self.budget.batch], augment)

    def epochs(self, **state: Any) -> Iterator[int]:
        everything = {
            **state,
            "generator": self.generator,
            "rng": self.rng,
            "curves": self.curves,
            "clock": self._clock,
            "run": self,
        }
        for epoch in self._checkpoint.epochs(self.budget.epochs, everything):
            self._epoch = epoch
            yield epoch

    def state_dict(self) -> dict[str, int]:
        return {"images": self.images, "evaluations": self._evaluations, "epoch": self._epoch}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.images, self._evaluations, self._epoch = state["images"], state["evaluations"], state["epoch"]

    def log(self, **metrics: float) -> None:
        self.curves.log(self._epoch, metrics)

    def evaluate(self, arch: Arch) -> float:
        import torch

        from harness.running.checkpoint import Checkpoint
        from harness.running.networks import fresh
        from harness.running.train import Trainer

        if self._evaluations == self.budget.evaluations:
            raise RuntimeError(
                f"{self.job.method} asks for more than the {self.budget.evaluations} evaluations that protocol "
                f"{self.job.protocol} allows a search"
            )
        seed = seed_of(**self.job.key, purpose="evaluation", number=self._evaluations)
        self._evaluations += 1
        s, epochs = self.setting, self.budget.evaluation_epochs
        size = Training(self.job, s.cells).size(self.size.classes, self.size.inputs)
        network = fresh(lambda: self.space.build(arch, size), seed, self.device)
        trainer = Trainer(network, self.data, s, torch.Generator().manual_seed(seed))
        trainer.train(*self._half("train"), epochs, Checkpoint(None, ""))
        self.images += len(self._half("train")[0]) * epochs
        return trainer.accuracy(*self._half("val"))

    def outcome(self) -> dict[str, Any]:
        """What the search cost and how it went. Columns, one row an epoch."""
        return {"result": {"images": self.images}, "curves": self.curves.columns()}


def _global_generators() -> dict[str, Any]:
    """States of the generators that no method may draw from."""
    import numpy as np

    state: Any = np.random.get_state()
    _, words, position, *_ = state
    states = {"random": random.getstate(), "numpy": (words.tobytes(), position)}
    if torch := sys.modules.get("torch"):
        states["torch"] = torch.get_rng_state().numpy().tobytes()
    return states


def _drawn_from(before: dict[str, Any]) -> list[str]:
    """The libraries whose global generator has moved since."""
    now = _global_generators()
    if "torch" in now and "torch" not in before:  # loaded since then
        torch = sys.modules["torch"]
        start = torch.Generator().manual_seed(torch.initial_seed())
        before = {**before, "torch": start.get_state().numpy().tobytes()}
    return [library for library, state in now.items() if state != before[library]]
