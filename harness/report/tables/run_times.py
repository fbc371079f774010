"""How long everything took: the one table that depends on the machine's speed."""

from __future__ import annotations

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.report.typeset import Table, number

HEADERS = ["dataset", "space", "method", "searches", "search, s", "retrainings", "retraining, s", "all jobs, s"]


def numbers(analysis: Analysis) -> pd.DataFrame:
    return analysis.run_times


def layout(analysis: Analysis, origin: str) -> Table:
    rows = [
        [
            *(row.dataset, row.space, row.method, f"{row.searches}", number(row.search_seconds, 1)),
            *(f"{row.retrainings}", number(row.retraining_seconds, 1), number(row.total_seconds, 1)),
        ]
        for row in analysis.run_times.itertuples()
    ]
    caption = f"Run times in seconds: means of finished searches and retrainings, and the sum over all jobs. {origin}"
    return Table(HEADERS, rows, caption)
