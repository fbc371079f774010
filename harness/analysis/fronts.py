"""Accuracy against multiply-adds: the fronts of methods, and how much they cover."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from harness.analysis.columns import BASELINE, GROUP, RUN
from harness.analysis.statistics import mean_interval
from harness.plan.jobs import RANDOM
from methods.parts.fronts import front, hypervolume

MEMBERS = [*RUN, "accuracy", "macs"]
FRONTS = [
    *(*GROUP, "n", "points", "hypervolume", "low", "high", "front", "hypervolume_of_all"),
    *("reference_accuracy", "reference_macs"),
]
FRONT_POINTS = [*GROUP, "kind", "macs", "accuracy"]
FEWEST = 2
"""Random architectures without which there is no reference."""


def members(trainings: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The architectures on the front of each search whose test accuracies a table knows, in percent."""
    for record in trainings:
        if record["key"]["main"]:
            for accuracy, macs in record["result"].get("front", []):
                yield {**record["key"], "accuracy": 100 * accuracy, "macs": macs}


def _groups(runs: pd.DataFrame, more: pd.DataFrame) -> Iterator[tuple[dict[str, str], tuple[float, float], Any]]:
    """(names of dataset and space, reference, points by method) wherever random architectures give a reference: the
    mean of their accuracies, and the largest of their multiply-adds."""
    found = runs.dropna(subset=["macs"])[MEMBERS].astype({"macs": float})
    every = pd.concat([found, more.astype({"macs": float})]) if len(more) else found
    for names, points in every.groupby(BASELINE, sort=True):
        random = points[points["method"] == RANDOM]
        if len(random) >= FEWEST:
            reference = float(random["accuracy"].mean()), float(random["macs"].max())
            yield dict(zip(BASELINE, names)), reference, points.groupby("method", sort=True)


def _area(points: pd.DataFrame, reference: tuple[float, float]) -> float:
    """In percentage points of accuracy: multiply-adds are a share of the reference's."""
    return hypervolume(list(zip(points["accuracy"], points["macs"])), reference) / reference[1]


def fronts(runs: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    """One row per method, space and dataset: the mean over n runs of the hypervolume that a run's points cover, with
    its 95% bootstrap interval; `points`: how many a run has on average, its find and the front of what it evaluated;
    `front` and `hypervolume_of_all`: of the points of all runs together.

    runs: finished ones, accuracies in percent; more: `members`.
    """
    rows = []
    for names, reference, methods in _groups(runs, more):
        for method, points in methods:
            areas = [_area(own, reference) for _, own in points.groupby("seed", sort=True)]
            low, high = mean_interval(areas, **names, method=method, purpose_of="hypervolume")
            row = {**names, "method": method, "n": len(areas), "points": len(points) / len(areas)}
            row |= {"hypervolume": sum(areas) / len(areas), "low": low, "high": high}
            kept = front(list(zip(points["accuracy"], points["macs"])))
            row |= {"front": len(kept), "hypervolume_of_all": _area(points, reference)}
            rows.append({**row, "reference_accuracy": reference[0], "reference_macs": reference[1]})
    return pd.DataFrame(rows, columns=FRONTS)


def front_points(runs: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    """The points of each method's front, over all of its runs, the cheapest first; every random architecture; and the
    reference. `kind`: front, random or reference."""
    rows = []
    for names, reference, methods in _groups(runs, more):
        rows.append({**names, "method": RANDOM, "kind": "reference", "accuracy": reference[0], "macs": reference[1]})
        for method, points in methods:
            chosen = points.iloc[front(list(zip(points["accuracy"], points["macs"])))]
            shown = points.sort_values("macs") if method == RANDOM else chosen
            kind = "random" if method == RANDOM else "front"
            pairs = shown[["accuracy", "macs"]].to_dict("records")
            rows += [{**names, "method": method, "kind": kind, **pair} for pair in pairs]
    return pd.DataFrame(rows, columns=FRONT_POINTS)
