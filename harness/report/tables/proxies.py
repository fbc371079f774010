"""How well proxies rank the random architectures."""

from __future__ import annotations

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.report.typeset import Table, estimate, from_to, number

HEADERS = ["dataset", "space", "proxy", "n", "Spearman\nall", "Kendall\nall", "Spearman\nvalid", "Spearman\ntop decile"]
HEADERS += ["partial,\nparams held", "gain over\nparams", "seed\nceiling", "ms per\nscore"]


def numbers(analysis: Analysis) -> pd.DataFrame:
    return analysis.proxies


def layout(analysis: Analysis, origin: str) -> Table:
    frame = analysis.proxies
    rows = [
        [
            *(row.dataset, row.space, row.proxy, f"{row.n}"),
            *(estimate(row.spearman, row.low, row.high), number(row.kendall)),
            estimate(row.valid, row.valid_low, row.valid_high),
            estimate(row.top, row.top_low, row.top_high),
            *(number(row.partial), number(row.gain, sign=True), number(row.ceiling), number(1000 * row.seconds, 1)),
        ]
        for row in frame.itertuples()
    ]
    caption = (
        "Rank correlation of proxies with the test accuracy of this run's own random architectures, n ="
        f" {from_to(frame['n'])} that all proxies give a number, with 95% intervals (Fisher's z). Valid: architectures"
        f" that let the image through, n = {from_to(frame['n_valid'])}; top decile: the tenth that is best by accuracy,"
        f" n = {from_to(frame['n_top'])}. Partial: Spearman with the ranks of params held fixed. Gain: Spearman of the"
        " sum of the ranks of proxy and params, less that of params alone. Seed ceiling: Spearman between two trainings"
        " of the same architectures, where there are two. params and flops are controls; milliseconds are medians on"
        f" this machine. {origin}"
    )
    return Table(HEADERS, rows, caption, labels=3)
