"""Whether ranks hold at another depth."""

from __future__ import annotations

from typing import Any

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.plan.jobs import RANDOM
from harness.report.tables.base import named, percent_factors
from harness.report.typeset import Table, estimate, from_to, interval, number, probability

HEADERS = [
    *("dataset", "space", "architectures", "n", "cells", "accuracy, %", "gain, points\n[95% interval]"),
    *("tau\n[95% interval]", "ceilings\n[95% interval]", "ceiling − tau\n[95% interval]", "p", "tau\nof means"),
]


def numbers(analysis: Analysis) -> pd.DataFrame:
    return analysis.depth_gap


def layout(analysis: Analysis, origin: str) -> Table:
    frame = analysis.depth_gap
    rows = [
        [
            *(row.dataset, row.space, "random" if row.method == RANDOM else row.method, f"{row.n}"),
            f"{row.cells_small} → {row.cells_large}",
            f"{number(row.accuracy_small * factor)} → {number(row.accuracy_large * factor)}",
            estimate(factor * row.gain, factor * row.gain_low, factor * row.gain_high, sign=True),
            *(estimate(row.tau, row.tau_low, row.tau_high), _ceilings(row)),
            *(estimate(row.gap, row.gap_low, row.gap_high, sign=True), probability(row.p), number(row.tau_of_means)),
        ]
        for row, factor in zip(frame.itertuples(), percent_factors(frame, "accuracy_small", "accuracy_large"))
    ]
    caption = (
        f"Depth gap, n = {from_to(frame['n'])} architectures trained at both numbers of cells. tau: Kendall's rank"
        " agreement of one training at the smaller with one at the larger depth; its ceilings: of two trainings that"
        " differ only in their seed, at the smaller and at the larger depth. Ceiling − tau, with its"
        " interval and p, is the depth gap that is tested: the mean of the ceilings less tau, paired by architecture"
        " (jackknife, Student's t; the interval excludes 0 where p is below 0.05); at 0 all disagreement is noise of"
        " the seed. Other intervals: percentile bootstrap over architectures, untested. Tau of means:"
        f" of accuracies averaged over repeats. {origin}"
    )
    return Table(HEADERS, rows, caption, _failed(analysis.results.trainings))


def _ceilings(row: Any) -> str:
    parts = [
        f"{number(tau)} {interval(low, high)}".strip()
        for tau, low, high in (
            (row.ceiling_small, row.ceiling_small_low, row.ceiling_small_high),
            (row.ceiling_large, row.ceiling_large_low, row.ceiling_large_high),
        )
    ]
    return ";\n".join(parts) if any(part != "–" for part in parts) else "–"


def _failed(trainings: pd.DataFrame) -> list[str]:
    """A footnote that names every training that failed and that no run is judged by."""
    failed = trainings[~trainings["main"] & trainings["accuracy"].isna()]
    said = named(failed, lambda run: f", {run.cells} cells, repeat {run.repeat}")
    return [f"Left out: {said}."] if said else []
