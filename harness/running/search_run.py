"""One search as a method sees it: the halves of the data, the budget, the generators, the checkpoint."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.plan import registry
from harness.plan.jobs import RANDOM, Search
from harness.plan.seeds import seed_of
from harness.running.curves import Curves
from harness.running.evaluations import Evaluations, Journal, Measure
from methods.base import Run
from protocols.base import Fidelity
from protocols.datasets import load, manifest
from proxies.base import rank_sums
from spaces.base import Arch, Size, Space, UserError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from harness.running.checkpoint import Checkpoint
    from harness.running.inputs import Inputs
    from harness.running.short_training import ShortTraining
    from protocols.datasets import Data
    from spaces.parts.network import Network, Supernet


IDLE = 1000
"""Turns in a row without a new question, after which a search has no more questions."""


class SearchRun(Run):
    """torch and the data are loaded when a method first asks for them: random sampling never does."""

    def __init__(self, job: Search, space: Space, folder: Path, checkpoint: Callable[[str], Checkpoint], clock: Any):
        """`folder`: the prepared dataset. `checkpoint` gives the "checkpoint" of this search's epochs or the "journal"
        of its evaluations, when it is first needed. `clock`: kept in both."""
        self.job, self.space, self.folder = job, space, folder
        self.method = registry.method(job.method, **dict(job.parameters))
        self.setting = job.setting
        facts = manifest(folder)
        self.size = job.size(len(facts["classes"]), facts["inputs"])  # of a table: of nothing
        self.budget = self.setting.budget
        self.rng = random.Random(self._seed("sample"))
        self.images = 0
        self.scores = 0
        self.curves = Curves()
        self._supernets: list[Supernet] = []
        self._clock = clock
        self._checkpoint = checkpoint
        self._row = 0
        self._in_epochs = False

    def _seed(self, purpose: str) -> int:
        return seed_of(**self.job.key, purpose=f"search {purpose}")

    @cached_property
    def data(self) -> Data:
        if self.setting.looks_up:
            raise UserError(
                f"method {self.job.method} needs images and networks, and {self.job.dataset} is a table: "
                "only methods that search by evaluations can use it"
            )
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
    def _inputs(self) -> Inputs:
        from harness.running.inputs import Inputs

        return Inputs(self.data, self.setting, self.device)

    def supernet(self, build: Callable[[Size], Supernet] | None = None) -> Any:
        """The space's supernet or what `build` makes, with fresh weights that depend on the seed alone, on the
        device."""
        from harness.running.networks import fresh

        net = fresh(lambda: (build or self.space.supernet)(self.size), self._seed("weights"), self.device)
        self._supernets.append(net)
        return net

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
        self._in_epochs = True
        for epoch in self._checkpoint("checkpoint").epochs(self.budget.epochs, everything):
            self._row = epoch
            yield epoch

    def state_dict(self) -> dict[str, Any]:
        asked = {"asked": self._asked.state_dict()} if "_asked" in vars(self) else {}
        return {"images": self.images, "scores": self.scores, "row": self._row, **asked}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.images, self.scores, self._row = state["images"], state["scores"], state["row"]
        if "asked" in state:
            self._asked.load_state_dict(state["asked"])

    def log(self, **metrics: float) -> None:
        self.curves.log(self._row, metrics)

    @cached_property
    def _measure(self) -> Measure:
        if self.setting.looks_up:
            from harness.running.lookup import Lookups

            return Lookups(self.job, self.space, self.folder)
        return self._training

    @cached_property
    def _training(self) -> ShortTraining:
        from harness.running.short_training import ShortTraining

        return ShortTraining(self.job, self.space, self.data, self.device)

    @cached_property
    def _asked(self) -> Evaluations:
        """With the answers of an earlier attempt at this search, which are kept after each new one. A table answers
        again as fast."""
        journal = Journal()
        if self.setting.looks_up:
            return Evaluations(self.budget.evaluations, self._measure, journal, lambda: None)
        file = self._checkpoint("journal")
        kept = {"journal": journal, "clock": self._clock}
        file.restore(kept)
        keep = lambda: file.save(0, kept)  # noqa: E731
        return Evaluations(self.budget.evaluations, self._measure, journal, keep)

    def network(self, arch: Arch) -> Network:
        return self._training.network(arch, self._training.full)

    def fidelities(self, axis: str) -> tuple[Fidelity, ...]:
        return self._measure.fidelities(axis)

    def evaluate(self, arch: Arch, fidelity: Fidelity | None = None) -> float:
        best = len(self._asked.incumbents)
        answer = self._asked.ask(arch, fidelity or self._asked.full)
        if not self._in_epochs:
            self._row = len(self._asked.asked)
        if len(self._asked.incumbents) > best:
            self.log(validation=answer.accuracy, left=self.left)
        return answer.accuracy

    @property
    def left(self) -> float:
        return self._asked.left

    def evaluations(self) -> Iterator[int]:
        idle = turn = 0
        while self.left > 1 - 1e-9 and idle < IDLE:
            before = len(self._asked.asked)
            yield turn
            idle = 0 if len(self._asked.asked) > before else idle + 1
            turn += 1

    def cost(self, metric: str, arch: Arch) -> float:
        return self._measure.cost(metric, arch)

    def score(self, proxy: str, arch: Arch) -> float:
        if proxy not in self._proxies:
            raise RuntimeError(f"method {self.job.method} asks for proxy {proxy}, which its proxies() does not name")
        self.scores += 1
        measure, start = self._measure, time.perf_counter()
        if reduction := registry.proxy(proxy).reduction():
            score = self.evaluate(arch, measure.reduced(reduction))
        else:
            score = measure.score(proxy, arch)
        self._clock.part(f"score {proxy}", time.perf_counter() - start)
        return score

    def shared_accuracies(self, number: int) -> dict[str, float]:
        """After the search: the validation accuracy, with the shared weights, of the first architectures of the random
        baseline, by their texts. None where there is no supernet, or several, of which none has the whole space. It
        draws from generators of its own."""
        if not number or len(self._supernets) != 1:
            return {}
        import torch

        from methods.parts.paths import path_accuracy

        self.__dict__["generator"] = torch.Generator().manual_seed(self._seed("ranks"))
        (net,), archs = self._supernets, [self._baseline(seed) for seed in range(number)]
        return {self.space.text(arch): path_accuracy(self, net, arch) for arch in archs}

    def _baseline(self, seed: int) -> Arch:
        """The architecture of a run of the random baseline, which uses no data."""
        job = replace(self.job, method=RANDOM, seed=seed, parameters=())
        run = SearchRun(job, self.space, self.folder, self._checkpoint, self._clock)
        return run.method.search(run)

    def scores_of(self, proxy: str, archs: Sequence[Arch]) -> list[float]:
        terms = registry.proxy(proxy).terms
        if not terms:
            return super().scores_of(proxy, archs)
        return rank_sums([self.scores_of(term, archs) for term in terms])

    @cached_property
    def _proxies(self) -> set[str]:
        """Those that the method names, and their terms."""
        names = self.method.proxies()
        return {*names, *(term for name in names for term in registry.proxy(name).terms)}

    def outcome(self) -> dict[str, Any]:
        """What the search cost and how it went. Columns, one row an epoch or an improvement."""
        result: dict[str, Any] = {"images": self.images}
        if "_asked" in vars(self):
            result["images"] += self._asked.total("images")
            result["evaluations"] = len(self._asked.asked)
            if self.setting.looks_up:
                result["seconds_of_table"] = self._asked.total("seconds")
            result["incumbents"] = [self.space.text(arch) for arch in self._asked.incumbents]
            result |= self._asked.front(self.space.text, lambda arch: self.cost("macs", arch))
        if self.scores:
            result["scores"] = self.scores
        return {"result": result, "curves": self.curves.columns()}
