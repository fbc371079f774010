"""What proxies say of architectures outside a search, and what each score costs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

from harness.plan import registry
from harness.plan.jobs import Search
from harness.running.inputs import device
from harness.running.short_training import ShortTraining
from protocols.datasets import load
from spaces.base import Arch


class Score(NamedTuple):
    """`score`: nan where the proxy has none. `seconds`: of the clock."""

    arch: str
    proxy: str
    score: float
    seconds: float


def scores(job: Search, data: Path, proxies: Sequence[str], archs: Sequence[Arch]) -> Iterator[Score]:
    """By architecture, then by proxy: as a search with this job would be told. `data`: the prepared dataset."""
    space = registry.space(job.space)
    training = ShortTraining(job, space, load(data), device())
    for name in proxies:  # what is imported and planned at first belongs to no score
        if not registry.proxy(name).reduction():
            training.score(name, archs[0])
    for arch in archs:
        for name in proxies:
            start = time.perf_counter()
            score = _score(training, name, arch)
            yield Score(space.text(arch), name, score, time.perf_counter() - start)


def _score(training: ShortTraining, name: str, arch: Arch) -> float:
    if reduction := registry.proxy(name).reduction():
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):  # its epochs
            return training(arch, training.reduced(reduction)).accuracy
    return training.score(name, arch)
