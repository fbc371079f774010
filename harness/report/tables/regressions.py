"""What linear models say that searches have fitted: coefficients and their signs."""

from __future__ import annotations

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.analysis.columns import GROUP
from harness.report.tables.base import mean_and_deviation
from harness.report.typeset import Table, from_to, number

HEADERS = ["dataset", "space", "method", "explains", "term", "n", "mean ± deviation", "sign", "positive, %"]
LARGEST = 12
"""Coefficients that are shown of each model."""


def numbers(analysis: Analysis) -> pd.DataFrame:
    return analysis.regressions


def layout(analysis: Analysis, origin: str) -> Table:
    frame = analysis.regressions
    shown = [_shown(model) for _, model in frame.groupby([*GROUP, "of"], sort=True)]
    rows = [
        [
            *(row.dataset, row.space, row.method, row.of.replace("_", " "), row.term, f"{row.n}"),
            *(mean_and_deviation(row.mean, row.std), _sign(row.positive), number(100 * row.positive, 0)),
        ]
        for row in (pd.concat(shown) if shown else frame).itertuples()
    ]
    caption = (
        "Linear models of architectures: the effect of each option against the first option of its decision, in"
        " percentage points of validation accuracy or in units of the cost. Mean and standard deviation (ddof 1) over n"
        f" = {from_to(frame['n'])} searches, the sign that most of them agree on, and the share in which the"
        f" coefficient is positive. The {LARGEST} largest of each model; the CSV has all. R²: on the architectures of"
        f" the fit; left out: on each architecture by a model without it. {origin}"
    )
    return Table(HEADERS, rows, caption, labels=5)


def _shown(model: pd.DataFrame) -> pd.DataFrame:
    """Of one model: R², then the largest coefficients."""
    quality = model["term"].str.startswith("R²")
    order = model[~quality]["mean"].abs().sort_values(ascending=False, kind="stable").index[:LARGEST]
    return pd.concat([model[quality], model.loc[order]])


def _sign(positive: float) -> str:
    return "+" if positive > 0.5 else "−" if positive < 0.5 else "±"
