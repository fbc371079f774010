"""Is a method better than random search with the same budget? One row per method, over all datasets."""

from __future__ import annotations

from typing import Any

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.report.tables.base import TEST, holm_corrected, significant, undecidable, untested, verdict
from harness.report.typeset import Table, estimate, from_to, number, probability

HEADERS = [
    *("method", "space", "RI, %\n[95% interval]", "p", "verdict (p, Holm)\n[interval, Holm]"),
    *("datasets", "n vs\nrandom search", "images, × those of\nrandom search"),
]


def numbers(analysis: Analysis) -> pd.DataFrame:
    return analysis.against_search


def layout(analysis: Analysis, origin: str) -> Table:
    frame = analysis.against_search
    caption = (
        "Is a method better than random search with the protocol's budget? Relative improvement (RI) of its mean test"
        " accuracy over that of what random search finds, the best by validation of as many random architectures as"
        f" the budget has evaluations, in the same space; pooled over n = {from_to(frame['datasets'])} datasets as in"
        f" the table of methods. p and the 95% interval: {TEST}. The verdict and the interval below it are"
        f" {holm_corrected(frame)}.{untested(frame)}{undecidable(frame)} Images: what one search of the method sees"
        " over what one of random search sees, 1 at equal cost; a dash where all have the same number of lookups."
        f" {origin}"
    )
    bold = significant(frame["verdict"], 2, 4)
    return Table(HEADERS, [_row(row) for row in frame.itertuples()], caption, labels=2, bold=bold)


def _row(row: Any) -> list[str]:
    return [
        *(row.method, row.space, estimate(row.ri, row.ri_low, row.ri_high, sign=True), probability(row.p)),
        *(verdict(row), f"{row.datasets}", f"{row.n_method} vs\n{row.n_random}", number(row.images)),
    ]
