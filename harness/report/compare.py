"""What moved between two results, and whether it is more than noise."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from harness.analysis import results as frames
from harness.analysis import statistics, summaries
from harness.plan.jobs import RANDOM
from harness.report import build as tables
from harness.report.tables import compared as findings
from harness.report.typeset import Table, estimate, number, probability
from protocols.base import Version
from spaces.base import UserError

SIDES = ("before", "after")
COMPARED = [
    *(*summaries.CELL, "n_before", "n_after", "before", "after", "change", "p", "p_holm", "said"),
    *("ri_before", "ri_after", "ri_change", "ri_change_low", "ri_change_high"),
]
Runs = dict[tuple[str, str, str], pd.Series]


def compared(before: Path, after: Path) -> Table:
    """The comparison of two snapshots, folders of records or CSV files, as a reader sees it; UserError where one of
    them holds no results."""
    pair = [frames.read(_records(path)) for path in (before, after)]
    about = [tables.provenance(results.about).rstrip(".") or "nothing known" for results in pair]
    frame = moved(*pair)
    counts = Counter(frame["said"])
    caption = (
        f"Before: {before} ({about[0]}). After: {after} ({about[1]}). Of {len(frame)} cells"
        f" {', '.join(f'{count} {said}' for said, count in sorted(counts.items()))}. Accuracy: mean test accuracy in"
        " percent. Moved: Welch's test between the runs before and after, two-sided, Holm-corrected over the"
        f" {frame['p'].notna().sum()} cells that have one, gives p < {statistics.ALPHA}; identical: the same"
        " accuracies, nothing to test; no test: a side has fewer than 2 runs. RI moves with the method and with its"
        " random architectures, which have rows of their own; its interval is a 95% percentile bootstrap over all runs,"
        f" narrow for few. n = {findings.span(frame['n_before'])} runs before, {findings.span(frame['n_after'])} after."
    )
    return Table(HEADERS, [_shown(row) for row in frame.itertuples()], caption, _warnings(*pair))


HEADERS = ["dataset", "space", "method", "n", "accuracy", "change, points", "p (Holm)", "verdict", "RI, %"]
HEADERS += ["change, points\n[95% interval]"]


def _records(path: Path) -> Path:
    if path.is_file() or (path / "records").is_dir():
        return path if path.is_file() else path / "records"
    if not path.is_dir():
        raise UserError(f"{path} does not exist: name a snapshot, a folder of records, or a CSV")
    return path


def moved(before: frames.Results, after: frames.Results) -> pd.DataFrame:
    """One row a dataset, space and method, random sampling included, of either side. Accuracies and their change in
    percent and points, RI in percent, ri_change in points of RI; `said`: moved, within noise, identical, no test, only
    before, only after."""
    sides = [_runs(results) for results in (before, after)]
    rows = [_row(cell, *sides) for cell in sorted(set(sides[0]) | set(sides[1]))]
    for row, corrected in zip(rows, statistics.holm([row["p"] for row in rows])):
        row["p_holm"] = corrected
        row["said"] = row.get("said") or _verdict(corrected)
    return pd.DataFrame(rows, columns=COMPARED)


def _runs(results: frames.Results) -> Runs:
    """Accuracies in percent, by (dataset, space, method)."""
    done = frames.in_percent(summaries.runs(results).dropna(subset=["accuracy"]))
    return {cell: group["accuracy"] for cell, group in done.groupby(summaries.CELL)}


def _row(cell: tuple[str, str, str], before: Runs, after: Runs) -> dict[str, Any]:
    a, b = (side.get(cell, pd.Series(dtype=float)) for side in (before, after))
    row = {**dict(zip(summaries.CELL, cell)), "n_before": len(a), "n_after": len(b), "p": math.nan}
    row |= {"before": a.mean(), "after": b.mean(), "change": b.mean() - a.mean(), **_improvements(cell, before, after)}
    if not len(a) or not len(b):
        return {**row, "said": "only after" if len(b) else "only before"}
    if _same(a, b):
        return {**row, "said": "identical"}
    return {**row, "p": statistics.difference_test(a, b)}


def _same(before: pd.Series, after: pd.Series) -> bool:
    """In whatever order, and but for what a fraction loses when it becomes a percentage."""
    return sorted(before.round(9)) == sorted(after.round(9))


def _improvements(cell: tuple[str, str, str], before: Runs, after: Runs) -> dict[str, float]:
    baseline = (*cell[:2], RANDOM)
    sides = {name: side for name, side in zip(SIDES, (before, after)) if {cell, baseline} <= set(side)}
    if cell == baseline or not sides:
        return {}
    known = {name: (side[cell], side[baseline]) for name, side in sides.items()}
    row = {f"ri_{name}": statistics.relative_improvement(*samples) for name, samples in known.items()}
    if len(known) < 2:
        return row
    row["ri_change"] = row["ri_after"] - row["ri_before"]
    if all(_same(*samples) for samples in zip(*known.values())):
        return row
    low, high = statistics.change_interval(*known.values(), **dict(zip(summaries.CELL, cell)))
    return {**row, "ri_change_low": low, "ri_change_high": high}


def _verdict(p: float) -> str:
    if math.isnan(p):
        return "no test"
    return "moved" if p < statistics.ALPHA else "within noise"


def _shown(row: Any) -> list[str]:
    arrow = " → "
    return [
        *(row.dataset, row.space, row.method, f"{row.n_before}{arrow}{row.n_after}"),
        f"{number(row.before)}{arrow}{number(row.after)}",
        *(number(row.change, sign=True), probability(row.p_holm), row.said),
        "" if row.method == RANDOM else f"{number(row.ri_before, sign=True)}{arrow}{number(row.ri_after, sign=True)}",
        estimate(row.ri_change, row.ri_change_low, row.ri_change_high, sign=True),
    ]


def _warnings(before: frames.Results, after: frames.Results) -> list[str]:
    protocols = [results.about.get("protocol", "unknown") for results in (before, after)]
    if _comparable(*protocols):
        return []
    return [f"Two protocols, {protocols[0]} and {protocols[1]}: what moved may be the protocol and not the methods."]


def _comparable(before: str, after: str) -> bool:
    """Also of results that name no protocol, or several: these must be the same."""
    try:
        return before == after or Version.parse(before).comparable(Version.parse(after))
    except UserError:
        return False
