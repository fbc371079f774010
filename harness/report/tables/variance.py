"""Where the spread of test accuracies comes from."""

from __future__ import annotations

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.report.typeset import Table, number

HEADERS = ["dataset", "space", "method", "cells", "component", "n", "deviation,\npoints", "share, %"]


def numbers(analysis: Analysis) -> pd.DataFrame:
    return analysis.variance


def layout(analysis: Analysis, origin: str) -> Table:
    frame = analysis.variance
    rows = [
        [
            *(row.dataset, row.space, row.method, "–" if pd.isna(row.cells) else f"{row.cells}", row.component),
            *(f"{row.n}", number(row.deviation) + (" (negative)" if row.negative else ""), number(100 * row.share, 0)),
        ]
        for row in frame.itertuples()
    ]
    caption = (
        "Where the spread of test accuracies comes from: standard deviation of each component in points, and its share"
        " of the variance. Nested random effects (architectures within datasets, training seeds within"
        " architectures), method of moments (Henderson's method 1). n: datasets, architectures or trainings. Training"
        " seed: everything that differs between two trainings of one architecture; where no architecture was trained"
        " twice, it cannot be separated from the architecture, and one row is about both. A method's architectures are"
        f" what its searches found. Few groups give rough estimates. {origin}"
    )
    notes = ["Negative: the estimate was below 0 and is set to 0."] if frame["negative"].any() else []
    return Table(HEADERS, rows, caption, notes, labels=5)
