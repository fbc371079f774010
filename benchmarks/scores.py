"""Scores by our proxies against those of the public code, of random networks of NAS-Bench-201: each proxy alone, and
the seven of the public zero-cost code at once. Both begin with the building of a network with fresh weights.

Results are compared in float64, on the first images of the batch; what is timed is float32."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from statistics import mean

import torch
from torch import nn

from benchmarks.measuring import Ratio, Scale, summary, turns
from benchmarks.one_batch import Batch, noise
from benchmarks.peak import flops
from benchmarks.public_proxies import MEASURES, ZERO_COST, find_measures
from harness.plan import registry
from harness.plan.jobs import RANDOM, Search, Training
from harness.running.networks import plain
from proxies.parts.shared import together
from spaces.base import Size, UserError
from spaces.parts.network import Network

SPACE = "nasbench201"
ASKED = {"scores": ZERO_COST, **{f"score_{name}": (name,) for name in MEASURES}}
"""The proxies of each row."""
NAMES = (*ASKED, *(f"{name}_wide" for name in ASKED))
"""Rows at the size of a protocol's trainings, and at that of the public code."""
COMPARED, ALLOWED = 4, 1e-4
"""Images on which results are compared, and by how much these may differ, relatively."""


def measure(name: str, scale: Scale) -> Ratio:
    """The median ratio over random architectures, half as many of the wider ones. Each is timed in one turn, after one
    that is not counted."""
    proxies, space, rng = ASKED[name.removesuffix("_wide")], registry.space(SPACE), random.Random(0)
    wide = name.endswith("_wide")
    size, networks = (scale.scored, scale.networks // 2) if wide else (_size(scale), scale.networks)
    images, labels = noise(size, scale.scored_batch, 0)
    batch = images.to(scale.device), labels.to(scale.device)
    found = []
    for arch in (space.sample(rng) for _ in range(networks)):
        build = partial(_fresh, partial(space.build, arch, size), scale.device)
        found.append(_measure(name, proxies, build, batch, replace(scale, turns=1, seconds=0)))
    row = summary(name, {"public": [public / ours for ours, public, _ in found]}, mean(ours for ours, *_ in found))
    return row._replace(layouts={}, flops=round(mean(needed for *_, needed in found)))


def _fresh(make: Callable[[], Network], where: torch.device) -> Network:
    return plain(make, 0).to(where)


def _size(scale: Scale) -> Size:
    return Training(Search(scale.protocol, "digits", SPACE, RANDOM, 0)).size(classes=10, inputs=1)


def _measure(
    name: str, proxies: Sequence[str], build: Callable[[], nn.Module], batch: Batch, scale: Scale
) -> tuple[float, float, int]:
    """Seconds of ours and of the public code, and the operations that ours needs."""
    few = batch[0][:COMPARED].double(), batch[1][:COMPARED]
    _compare(name, _ours(proxies, build().double(), few), find_measures(build().double(), few, proxies))
    needed = flops(lambda: _ours(proxies, build(), batch))
    steps = lambda number: _ours(proxies, build(), batch), lambda number: find_measures(build(), batch, proxies)
    ((ours, public),) = turns(steps, scale)
    return ours, public, needed


def _ours(proxies: Sequence[str], network: nn.Module, batch: Batch) -> dict[str, float]:
    return dict(zip(proxies, together([registry.proxy(name) for name in proxies], network, batch, torch.Generator)))


def _compare(row: str, ours: dict[str, float], public: dict[str, float]) -> None:
    """UserError where two scores differ: the ratio of their times would mean nothing."""
    for name, score in public.items():
        both_without = math.isnan(score) and math.isnan(ours[name])
        if not both_without and not math.isclose(ours[name], score, rel_tol=ALLOWED, abs_tol=1e-9):
            raise UserError(
                f"{row}: our results differ from the public code's: {name} is {ours[name]:.6g}, there {score:.6g}: "
                "no ratio of unequal things; run pytest to see where"
            )
