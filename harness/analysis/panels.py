"""The trainings of a study on one dataset as arrays: architectures by repeats, for each variant."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.analysis.columns import BASELINE
from harness.analysis.results import in_percent
from harness.plan.jobs import RANDOM
from harness.plan.studies import JOINED, REFERENCE, Study
from harness.plan.wirings import LABEL

Array = NDArray[np.float64]
OPERATIONS = "operations"
UNIT = ("space", "method", "seed")
"""What names an architecture."""
ALL = "all variants"
"""The name of the study that stands for results without a configuration: everything that was trained, random ones."""


@dataclass(frozen=True)
class Variant:
    """accuracy: percent, (architectures, repeats), nan where a training is missing. cost: images times multiply-adds of
    one training, and seconds, means over architectures."""

    label: str
    accuracy: Array
    cost: float
    seconds: float


@dataclass(frozen=True)
class Panel:
    """`variants`: the reference first; the same architectures, in the same order, in all of them. `archs`: a name for
    each, the method and the seed of its search. `factors`: those of a factorial. `groups`: by what architectures belong
    together, from coarse to fine, the label of each: its space, where there are several, and its operations, where each
    has several wirings."""

    study: str
    dataset: str
    space: str
    archs: tuple[str, ...]
    variants: tuple[Variant, ...]
    factors: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def levels(self) -> tuple[str, ...]:
        """What sets architectures apart, from coarse to fine."""
        return *self.groups, "wiring" if OPERATIONS in self.groups else "architecture"

    @property
    def drawn(self) -> NDArray[np.intp]:
        """Of each architecture, the number of the independent draw that it comes from: wirings of the same operations
        share one."""
        return _numbers(self.groups.get(OPERATIONS, self.archs))

    @property
    def axes(self) -> dict[str, str]:
        return {"study": self.study, "dataset": self.dataset, "space": self.space}

    @property
    def shares_runs(self) -> bool:
        """Whether a repeat may be no independent run under each variant: in a table, a short training can begin as the
        long one of the same seed."""
        return self.dataset.startswith("table:")

    @property
    def everywhere(self) -> NDArray[np.bool_]:
        """Which architectures were trained under every variant, all of a draw or none."""
        trained = np.array([np.isfinite(variant.accuracy).any(axis=1) for variant in self.variants]).T
        return np.array([trained[self.drawn == draw].all() for draw in self.drawn], np.bool_)

    @property
    def stack(self) -> Array:
        """(variants, architectures, repeats) of the architectures that were trained everywhere."""
        most = max(variant.accuracy.shape[1] for variant in self.variants)
        padded = [
            np.pad(v.accuracy, ((0, 0), (0, most - v.accuracy.shape[1])), constant_values=np.nan) for v in self.variants
        ]
        return np.stack(padded)[:, self.everywhere]

    @property
    def stack_groups(self) -> list[NDArray[np.intp]]:
        """The groups of the architectures in the stack, numbered."""
        return [_numbers(labels)[self.everywhere] for labels in self.groups.values()]


def _numbers(labels: Sequence[str]) -> NDArray[np.intp]:
    return np.unique(labels, return_inverse=True)[1]


def panels(trainings: pd.DataFrame, studies: Sequence[Study] | None) -> list[Panel]:
    """One for each study and dataset with three architectures at least. Without `studies`, None, one for each dataset
    and space of which random architectures were trained in several ways."""
    done = in_percent(trainings.dropna(subset=["accuracy", "cells"]))
    if studies is None:
        return list(_every(done))
    return [panel for study in studies for dataset in study.datasets for panel in _of_study(study, dataset, done)]


def _of_study(study: Study, dataset: str, done: pd.DataFrame) -> Iterator[Panel]:
    rows = done[(done["dataset"] == dataset) & done["space"].isin(study.spaces)]
    held = [study.holds(method, seed) for method, seed in zip(rows["method"], rows["seed"])]
    ways = {
        label: rows[np.array(held, bool) & _is(rows, *way) & (rows["repeat"] < study.times(label))]
        for label, way in study.columns(dataset).items()
    }
    yield from _panel(study.name, dataset, study.spaces, ways, study.factors)


def _every(done: pd.DataFrame) -> Iterator[Panel]:
    for (dataset, space), rows in done[done["method"] == RANDOM].groupby(BASELINE):
        found = list(dict.fromkeys(zip(rows["cells"], rows["variant"])))
        main = rows[rows["main"]]
        if len(found) > 1 and len(main):
            first = (main["cells"].iloc[0], main["variant"].iloc[0])
            ways = {REFERENCE: rows[_is(rows, *first)]}
            ways |= {_label(*way): rows[_is(rows, *way)] for way in sorted(found) if way != first}
            yield from _panel(ALL, dataset, (space,), ways, ())


def _label(cells: int, variant: str) -> str:
    return f"{cells} cells{f', {variant}' if variant else ''}"


def _is(rows: pd.DataFrame, cells: int, variant: str) -> Array:
    return ((rows["cells"] == cells) & (rows["variant"] == variant)).to_numpy(bool)


def _panel(
    study: str, dataset: str, spaces: tuple[str, ...], ways: dict[str, pd.DataFrame], factors: Iterable[str]
) -> Iterator[Panel]:
    units = sorted(set(zip(*(ways[REFERENCE][axis] for axis in UNIT))), key=lambda unit: (spaces.index(unit[0]), unit))
    if len(units) < 3:
        return
    several = len({space for space, _, _ in units}) > 1
    groups = {"space": tuple(space for space, _, _ in units)} if several else {}
    if any(method.startswith(LABEL) for _, method, _ in units):
        groups[OPERATIONS] = tuple(f"{space} {number}" for space, _, number in units)
    variants = [_variant(label, rows, units) for label, rows in ways.items() if len(rows)]
    names = tuple(f"{f'{space} ' if several else ''}{method} {seed}" for space, method, seed in units)
    known = {variant.label for variant in variants}
    whole = all(JOINED.join(some) in known for n in range(1, len(tuple(factors)) + 1) for some in _of(factors, n))
    yield Panel(study, dataset, JOINED.join(spaces), names, tuple(variants), tuple(factors) if whole else (), groups)


def _of(factors: Iterable[str], n: int) -> Iterable[tuple[str, ...]]:
    return itertools.combinations(factors, n)


def _variant(label: str, rows: pd.DataFrame, units: list[tuple[str, str, int]]) -> Variant:
    place = {unit: i for i, unit in enumerate(units)}
    accuracy = np.full((len(units), int(rows["repeat"].max()) + 1), np.nan)
    for *unit, repeat, value in zip(*(rows[axis] for axis in (*UNIT, "repeat", "accuracy"))):
        if tuple(unit) in place:
            accuracy[place[tuple(unit)], repeat] = value
    cost = (rows["images"].astype(float) * rows["macs"].astype(float)).mean()
    return Variant(label, accuracy, float(cost), float(rows["seconds"].mean()))
