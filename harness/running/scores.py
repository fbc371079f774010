"""What proxies say of architectures outside a search, and what each score costs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

import torch

from harness.plan import registry
from harness.plan.jobs import Search
from harness.plan.seeds import seed_of
from harness.running.inputs import device
from harness.running.networks import plain
from harness.running.short_training import ShortTraining
from protocols.datasets import load
from proxies.base import Proxy
from proxies.parts.shared import together
from spaces.base import Arch


class Score(NamedTuple):
    """`score`: nan where the proxy has none. `seconds`: of the clock."""

    arch: str
    proxy: str
    score: float
    seconds: float


def scores(job: Search, data: Path, proxies: Sequence[str], archs: Sequence[Arch]) -> Iterator[Score]:
    """By architecture, then by proxy: as a search with this job would be told, up to rounding. Proxies share what they
    compute of an architecture, so that `seconds` holds what those before have left to do. `data`: the prepared
    dataset."""
    space = registry.space(job.space)
    training = ShortTraining(job, space, load(data), device())
    chosen = {name: registry.proxy(name) for name in proxies}
    untrained = [proxy for proxy in chosen.values() if not proxy.reduction()]
    list(_untrained(training, untrained, archs[0]))  # what is imported and planned at first belongs to no score
    for arch in archs:
        found = _untrained(training, untrained, arch)
        for name, proxy in chosen.items():
            start = time.perf_counter()
            score = _trained(training, proxy, arch) if proxy.reduction() else next(found)
            yield Score(space.text(arch), name, score, time.perf_counter() - start)


def _untrained(training: ShortTraining, proxies: Sequence[Proxy], arch: Arch) -> Iterator[float]:
    """As `ShortTraining.score`, of one network for all proxies."""
    size, seed = training.size(training.full), seed_of(**training.job.key, purpose="score")
    network = plain(lambda: training.space.build(arch, size), training.seed(arch)).to(training.device)
    return together(proxies, network, training._batch, lambda: torch.Generator().manual_seed(seed))


def _trained(training: ShortTraining, proxy: Proxy, arch: Arch) -> float:
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):  # its epochs
        return training(arch, training.reduced(proxy.reduction())).accuracy
