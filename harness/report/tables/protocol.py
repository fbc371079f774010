"""How everything was made."""

from __future__ import annotations

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.report.typeset import Table


def numbers(analysis: Analysis) -> pd.DataFrame:
    return analysis.results.provenance


def layout(analysis: Analysis, origin: str) -> Table:
    caption = (
        "Protocol and versions: everything that the records say of how they were made. Two tables with the same"
        f" protocol version may be compared. {origin}"
    )
    rows = analysis.results.provenance.values.tolist()
    return Table(["part", "name", "value", "datasets"], rows, caption, labels=4)
