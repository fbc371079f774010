"""Whether searches by gradients went towards skip connections and `none`."""

from __future__ import annotations

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.report.typeset import Table, estimate, from_to, number

HEADERS = [
    *("dataset", "space", "method", "n", "skip", "none", "entropy", "eigenvalue", "ranked"),
    *("tau, supernet\n[95% interval]", "its ceiling\n[95% interval]"),
]


def numbers(analysis: Analysis) -> pd.DataFrame:
    return analysis.collapse


def layout(analysis: Analysis, origin: str) -> Table:
    frame = analysis.collapse
    rows = [
        [
            *(row.dataset, row.space, row.method, f"{row.n}"),
            *(_moved(row.skip_first, row.skip_last), _moved(row.none_first, row.none_last)),
            *(_moved(row.entropy_first, row.entropy_last), _moved(row.eigenvalue_first, row.eigenvalue_last)),
            "–" if pd.isna(row.ranked) else f"{row.ranked:.0f}",
            estimate(row.tau, row.tau_low, row.tau_high),
            estimate(row.ceiling, row.ceiling_low, row.ceiling_high),
        ]
        for row in frame.itertuples()
    ]
    caption = (
        f"Collapse of searches by gradients: means over n = {from_to(frame['n'])} searches after the first epoch → the"
        " last. Skip, none: the mean weight (0 to 1) of skip connections and of the operation none, over the places of"
        " the supernet that have it. Entropy of a place's weights, in nats. Eigenvalue: the largest of the Hessian of"
        " the validation loss by the architecture parameters. Tau: Kendall's rank agreement of validation accuracies"
        " with shared weights and test accuracies after a training alone, over the random architectures, a mean over"
        " searches; its ceiling: of two trainings alone that differ in their seed. Percentile bootstrap over"
        f" architectures, untested. {origin}"
    )
    return Table(HEADERS, rows, caption, labels=3)


def _moved(first: float, last: float) -> str:
    return "–" if pd.isna(last) else f"{number(first)} → {number(last)}"
