"""How long one training takes under each variant."""

from __future__ import annotations

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.report.typeset import Table, number

HEADERS = ["study", "dataset", "variant", "trainings", "seconds", "× reference"]


def numbers(analysis: Analysis) -> pd.DataFrame:
    return analysis.study_times


def layout(analysis: Analysis, origin: str) -> Table:
    rows = [
        [row.study, row.dataset, row.variant, f"{row.n}", number(row.seconds, 1), number(row.seconds_ratio)]
        for row in analysis.study_times.itertuples()
    ]
    return Table(HEADERS, rows, f"Mean seconds of one training of each variant of a study, on its machine. {origin}")
