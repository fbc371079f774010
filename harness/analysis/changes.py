"""What changed between two sets of results, and whether it is more than noise."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from harness.analysis import statistics
from harness.analysis.columns import GROUP, by_group
from harness.plan.jobs import RANDOM

CHANGES = [
    *(*GROUP, "n_before", "n_after", "before", "after", "change", "p", "p_holm", "verdict"),
    *("ri_before", "ri_after", "ri_change", "ri_change_low", "ri_change_high"),
]
Accuracies = dict[tuple[str, str, str], pd.Series]
"""In percent, by (dataset, space, method)."""


def changes(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """One row per dataset, space and method of either side's `finished_runs`, random sampling included.

    Accuracies and their change in percent and points, RI in percent, ri_change in points of RI; `verdict`: moved,
    within noise, identical, no test, only before, only after.
    """
    sides = [{names: rows["accuracy"] for names, rows in by_group(runs).items()} for runs in (before, after)]
    rows = [_row(names, *sides) for names in sorted({*sides[0], *sides[1]})]
    for row, corrected in zip(rows, statistics.holm([row["p"] for row in rows])):
        row["p_holm"] = corrected
        row["verdict"] = row.get("verdict") or _verdict(corrected)
    return pd.DataFrame(rows, columns=CHANGES)


def _row(names: tuple[str, str, str], before: Accuracies, after: Accuracies) -> dict[str, Any]:
    a, b = (side.get(names, pd.Series(dtype=float)) for side in (before, after))
    row = {**dict(zip(GROUP, names)), "n_before": len(a), "n_after": len(b), "p": math.nan}
    row |= {"before": a.mean(), "after": b.mean(), "change": b.mean() - a.mean(), **_improvements(names, before, after)}
    if not len(a) or not len(b):
        return {**row, "verdict": "only after" if len(b) else "only before"}
    if _same(a, b):
        return {**row, "verdict": "identical"}
    return {**row, "p": statistics.difference_test(a, b)}


def _same(before: pd.Series, after: pd.Series) -> bool:
    """In any order, and up to the rounding of a fraction that becomes a percentage."""
    return sorted(before.round(9)) == sorted(after.round(9))


def _improvements(names: tuple[str, str, str], before: Accuracies, after: Accuracies) -> dict[str, float]:
    random = (*names[:2], RANDOM)
    sides = {name: side for name, side in (("before", before), ("after", after)) if {names, random} <= set(side)}
    if names == random or not sides:
        return {}
    known = {name: (side[names], side[random]) for name, side in sides.items()}
    row = {f"ri_{name}": statistics.relative_improvement(*samples) for name, samples in known.items()}
    if len(known) < 2:
        return row
    row["ri_change"] = row["ri_after"] - row["ri_before"]
    if all(_same(*samples) for samples in zip(*known.values())):
        return row
    low, high = statistics.change_interval(*known.values(), **dict(zip(GROUP, names)))
    return {**row, "ri_change_low": low, "ri_change_high": high}


def _verdict(p: float) -> str:
    if math.isnan(p):
        return "no test"
    return "moved" if p <= statistics.ALPHA else "within noise"
