"""What the searches logged."""

from __future__ import annotations

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.analysis.regressions import is_model
from harness.report.tables.base import mean_and_deviation
from harness.report.typeset import Table, from_to, number

HEADERS = ["dataset", "space", "method", "what", "n", "epochs", "first epoch", "middle", "last epoch"]
NOT_SHOWN = {"lr", "temperature", "train_loss", "val_loss"}
"""Schedules, which are known in advance, and losses, which say the same as accuracies. The CSV has them all; linear
models have a table of their own."""


def numbers(analysis: Analysis) -> pd.DataFrame:
    return analysis.courses


def layout(analysis: Analysis, origin: str) -> Table:
    frame = analysis.courses
    rows = [
        [
            *(row.dataset, row.space, row.method, row.metric.replace("_", " "), f"{row.n}", f"{row.epochs}"),
            *(number(row.first), number(row.middle), mean_and_deviation(row.last, row.last_std)),
        ]
        for row in frame[~frame["metric"].isin(NOT_SHOWN) & ~frame["metric"].map(is_model).astype(bool)].itertuples()
    ]
    caption = (
        f"How the searches went: means over n = {from_to(frame['n'])} searches of what they logged, ± standard"
        " deviation (ddof 1). Accuracies, from 0 to 1, are those of the weight-sharing network. Where an entropy (in"
        f" nats) does not fall, or a share of gates stays at 1, the search decided nothing. {origin}"
    )
    return Table(HEADERS, rows, caption, labels=4)
