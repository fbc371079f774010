"""Is a method better than random? One row per method, over all datasets."""

from __future__ import annotations

from typing import Any

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.report.tables.base import (
    TEST,
    failed_runs,
    holm_corrected,
    not_searched,
    significant,
    undecidable,
    untested,
    verdict,
)
from harness.report.typeset import Table, estimate, from_to, number, probability

HEADERS = [
    *("method", "space", "RI, %\n[95% interval]", "p", "verdict (p, Holm)\n[interval, Holm]"),
    *("RI, %, against\nthe median", "datasets", "n vs\nrandom"),
]


def numbers(analysis: Analysis) -> pd.DataFrame:
    return analysis.pooled


def layout(analysis: Analysis, origin: str) -> Table:
    frame = analysis.pooled
    caption = (
        "Is a method better than the average random architecture of its own space? Relative improvement (RI) pooled"
        f" over n = {from_to(frame['datasets'])} datasets, on each of which a method needs 2 runs: the mean over"
        " datasets of the log ratio of the two mean test accuracies, as a percentage. This is the primary family of"
        f" tests. p and the 95% interval are of one row by itself and come from one test: {TEST}, that rearranges"
        " accuracies within"
        f" datasets. The verdict and the interval below it are {holm_corrected(frame)}.{untested(frame)}"
        f"{undecidable(frame)} n: runs of the method and random architectures, over all datasets. {origin}"
    )
    bold, notes = significant(frame["verdict"], 2, 4), [*failed_runs(analysis.runs), *not_searched(analysis.searched)]
    return Table(HEADERS, [_row(row) for row in frame.itertuples()], caption, notes, 2, bold)


def _row(row: Any) -> list[str]:
    return [
        *(row.method, row.space, estimate(row.ri, row.ri_low, row.ri_high, sign=True), probability(row.p)),
        verdict(row),
        *(number(row.ri_median, sign=True), f"{row.datasets}", f"{row.n_method} vs\n{row.n_random}"),
    ]
