"""What changed between two sets of results, as a reader sees it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.analysis.changes import changes
from harness.analysis.results import Results, read_results
from harness.analysis.statistics import ALPHA
from harness.plan.jobs import RANDOM
from harness.report.build import origin
from harness.report.typeset import Table, estimate, from_to, number, probability
from protocols.base import Version
from spaces.base import UserError

HEADERS = [
    *("dataset", "space", "method", "n", "accuracy", "change, points", "p (Holm)", "verdict", "RI, %"),
    "change, points\n[95% interval]",
]


def compared(before: Path, after: Path) -> Table:
    """The comparison of two snapshots, folders of records or CSV files; UserError where one of them holds no
    results."""
    sides = [read_results(_records(path)) for path in (before, after)]
    frame = changes(*(Analysis(results).finished_runs for results in sides))
    origins = [origin(results.about).rstrip(".") or "origin unknown" for results in sides]
    caption = f"Before: {before} ({origins[0]}). After: {after} ({origins[1]}). {_explained(frame)}"
    return Table(HEADERS, [_shown(row) for row in frame.itertuples()], caption, _warnings(*sides))


def _records(path: Path) -> Path:
    if path.is_file() or (path / "records").is_dir():
        return path if path.is_file() else path / "records"
    if not path.is_dir():
        raise UserError(f"{path} does not exist: name a snapshot, a folder of records, or a CSV")
    return path


def _explained(frame: pd.DataFrame) -> str:
    counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(Counter(frame["verdict"]).items()))
    return (
        f"Of {len(frame)} rows {counts}. Accuracy: mean test accuracy in percent. Moved: the runs before and after"
        " differ significantly (Welch's test, two-sided, Holm-corrected over the"
        f" {frame['p'].notna().sum()} rows that have one, p < {ALPHA}); identical: the same accuracies, so nothing was"
        " tested; no test: a side has fewer than 2 runs. RI changes with the method and with its random architectures,"
        " which have rows of their own; its interval is a 95% percentile bootstrap over all runs, too narrow for few."
        f" n = {from_to(frame['n_before'])} runs before, {from_to(frame['n_after'])} after."
    )


def _shown(row: Any) -> list[str]:
    arrow = " → "
    return [
        *(row.dataset, row.space, row.method, f"{row.n_before}{arrow}{row.n_after}"),
        f"{number(row.before)}{arrow}{number(row.after)}",
        *(number(row.change, sign=True), probability(row.p_holm), row.verdict),
        "" if row.method == RANDOM else f"{number(row.ri_before, sign=True)}{arrow}{number(row.ri_after, sign=True)}",
        estimate(row.ri_change, row.ri_change_low, row.ri_change_high, sign=True),
    ]


def _warnings(before: Results, after: Results) -> list[str]:
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
