"""Accuracy against multiply-adds: what the fronts of methods cover."""

from __future__ import annotations

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.report.typeset import Table, estimate, from_to, number

HEADERS = [
    *("dataset", "space", "method", "n", "points\nper run", "hypervolume\n[95% interval]"),
    *("front of\nall runs", "hypervolume\nof all runs", "reference\naccuracy, %", "reference\nM MACs"),
]


def numbers(analysis: Analysis) -> pd.DataFrame:
    return analysis.fronts


def layout(analysis: Analysis, origin: str) -> Table:
    frame = analysis.fronts
    rows = [
        [
            *(row.dataset, row.space, row.method, f"{row.n}", number(row.points, 1)),
            estimate(row.hypervolume, row.low, row.high),
            *(f"{row.front}", number(row.hypervolume_of_all), number(row.reference_accuracy)),
            number(row.reference_macs / 1e6),
        ]
        for row in frame.itertuples()
    ]
    caption = (
        "Test accuracy against multiply-adds (MACs). Hypervolume: the area between a run's points and the reference,"
        " which is the mean accuracy of the random architectures and the largest MACs among them; MACs are a share of"
        " the reference's, so the unit is percentage points of accuracy: 1 is a point more than the average random"
        " architecture at no cost. A run's points are what it found and, where a table knows their test accuracies,"
        f" all on the front of what it evaluated, by validation accuracy and MACs. Mean over n = {from_to(frame['n'])}"
        " runs with its 95% bootstrap interval. Of all runs: the front of all of their points together, which grows"
        f" with n. {origin}"
    )
    return Table(HEADERS, rows, caption)
