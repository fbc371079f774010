"""What the best so far is worth, by the number of evaluations."""

from __future__ import annotations

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.report.typeset import Table, from_to, interval, number

HEADERS = ["dataset", "space", "method", "evaluations", "n", "accuracy, %", "95% interval", "random search", "regret"]


def numbers(analysis: Analysis) -> pd.DataFrame:
    return analysis.anytime


def layout(analysis: Analysis, origin: str) -> Table:
    frame = analysis.anytime
    rows = [
        [
            *(row.dataset, row.space, row.method, f"{row.evaluations}", f"{row.n}", number(100 * row.mean)),
            interval(100 * row.low, 100 * row.high),
            *(number(100 * row.random_search), number(100 * row.regret)),
        ]
        for row in frame.itertuples()
    ]
    kinds = " or ".join(sorted(set(frame["judged"]))) or "test"
    caption = (
        f"Anytime performance: mean {kinds} accuracy of the best by validation after so many evaluations, over n ="
        f" {from_to(frame['n'])} searches, with 95% bootstrap intervals of the mean. Random search: its exact"
        f" expectation on the table. Regret: the distance to the table's best test accuracy, in points. {origin}"
    )
    return Table(HEADERS, rows, caption, labels=3)
