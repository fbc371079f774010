"""The outer search for a cost: which weight of a method's cost term finds an architecture of the wanted size.

Abstract-level: the journal version of Single-Path NAS (arXiv 1907.00959), known to us from its abstract alone, searches
its lambda so that the result meets a runtime. This does so for any method whose result gets cheaper as one of its
parameters grows: a bisection in the logarithm of the parameter, each probe a whole search.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from harness.plan import registry
from harness.plan.jobs import Search, Training
from harness.running.job import JobPaths
from harness.running.job import search as run_search
from protocols.datasets import load
from spaces.base import UserError
from spaces.parts.cpu import numerics


class Probe(NamedTuple):
    """One search: the parameter's value, and what the architecture found costs at the protocol's retraining size."""

    value: float
    macs: int
    parameters: int
    arch: str


def check(low: float, high: float) -> None:
    """UserError where there is nothing between the ends: the middle is a geometric mean."""
    if not 0 < low < high < math.inf:
        raise UserError(f"--low {low:g} and --high {high:g}: write two numbers above 0, the smaller one as --low")


def bisect(
    probe: Callable[[float], Probe], low: float, high: float, macs: int, tolerance: float, most: int
) -> list[Probe]:
    """Probes between `low` and `high`, at most `most`, until one is within `tolerance` (a fraction) of `macs`; in the
    order in which they were made. UserError where `macs` lies outside of what both ends find."""

    def close(found: Probe) -> bool:
        return abs(found.macs / macs - 1) <= tolerance

    found = [probe(low), probe(high)]
    if any(map(close, found)):
        return found
    if not found[1].macs < macs < found[0].macs:
        raise UserError(
            f"{macs:,} multiply-adds are outside of what is found at {low:g} ({found[0].macs:,}) and at {high:g} "
            f"({found[1].macs:,}): widen --low and --high, or ask for another cost"
        )
    while len(found) < most and not close(found[-1]):
        middle = (low * high) ** 0.5
        found.append(probe(middle))
        if found[-1].macs > macs:
            low = middle
        else:
            high = middle
    return found


def prober(search: Search, field: str, data: Path, out: Path, work: Path) -> Callable[[float], Probe]:
    """Runs the search with one of its method's parameters set; a record a probe in `out`."""
    numerics.choose(search.mode)
    from harness.running.counts import describe

    facts = load(data)
    size = Training(search).size(len(facts.classes), facts.inputs)
    space = registry.space(search.space)

    def probe(value: float) -> Probe:
        job = replace(search, parameters=tuple(sorted({**dict(search.parameters), field: value}.items())))
        record = run_search(job, JobPaths(data, out / f"{field}-{value:.6g}.json", work))
        if record["status"] != "done":
            raise UserError(f"the search with {field} {value:g} {record['status']}: {record['reason']}")
        counts = describe(space, space.read(record["arch"]), replace(size, auxiliary=False))
        return Probe(value, counts["macs"], counts["parameters"], record["arch"])

    return probe
