"""Did the methods search? What shared weights learned, and how much the searches decided."""

from __future__ import annotations

from typing import Any

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.analysis.searched import DECIDED, LEARNED
from harness.report.typeset import Table, from_to, number

HEADERS = ["method", "space", "datasets", "n", "learned, %\n(least)", "decided, %", "so"]


def numbers(analysis: Analysis) -> pd.DataFrame:
    return analysis.searched


def layout(analysis: Analysis, origin: str) -> Table:
    frame = analysis.searched
    caption = (
        f"Did the methods search? n: searches, {from_to(frame['n'])} per method. Learned: how far the validation"
        " accuracy of the shared weights came, in the last epoch of the search, from guessing (one divided by the"
        " number of classes) to the mean test accuracy of the random architectures of the same space; mean over"
        " datasets, and the least. Where classes differ in size, guessing gives more, and this is too high. Decided:"
        " how far the entropy of the architecture parameters, or the share of open gates, fell from its highest value"
        " to that of the last epoch, in percent of the highest; mean over searches and datasets. Searched: learned at"
        f" least {LEARNED:g}% and decided at least {DECIDED:g}%; all else is not searched at this size. {origin}"
    )
    return Table(HEADERS, [_row(row) for row in frame.itertuples()], caption, labels=2)


def _row(row: Any) -> list[str]:
    return [
        *(
            row.method,
            row.space,
            f"{row.datasets}",
            f"{row.n}",
            f"{number(row.learned)}\n({number(row.least_learned)})",
        ),
        *(number(row.decided), row.searched),
    ]
