"""Each method against random search of the same cost."""

from __future__ import annotations

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.report.tables.base import percent_factors
from harness.report.typeset import Table, estimate, from_to, number

HEADERS = [
    *("dataset", "space", "method", "n", "random\nn", "k", "accuracy, %"),
    *("best of k, %\n[95% interval]", "gain, %\n[95% interval]"),
]


def numbers(analysis: Analysis) -> pd.DataFrame:
    return analysis.cost_matched


def layout(analysis: Analysis, origin: str) -> Table:
    frame = analysis.cost_matched
    rows = [
        [
            *(row.dataset, row.space, row.method, f"{row.n_method}", f"{row.n_random}", f"{row.k:,}"),
            number(row.mean * factor),
            estimate(*(factor * value for value in (row.best_random, row.best_low, row.best_high))),
            estimate(row.gain, row.gain_low, row.gain_high, sign=True),
        ]
        for row, factor in zip(frame.itertuples(), percent_factors(frame, "mean", "best_random"))
    ]
    short = "; where k exceeds the number of random architectures it is the best of all of them, which is too low"
    caption = (
        "A method's mean test accuracy against the best of k random architectures, where k is how many could have been"
        " trained instead of the search: images seen by the search / images seen by one retraining, rounded down, at"
        " least 1. Best of k: expected maximum over all draws of k from the random architectures"
        f"{short if (frame['k'] > frame['n_random']).any() else ''}. The maximum is taken over test accuracies: it is"
        " what random search would reach with a perfect selector, an upper bound. Gain: in percent of the best of k."
        f" n = {from_to(frame['n_method'])} runs per method, {from_to(frame['n_random'])} random architectures."
        " Intervals: 95%, jackknife and log ratio with Student's t, where k is at most a fifth of the random"
        f" architectures; above that none holds. {origin}"
    )
    return Table(HEADERS, rows, caption)
