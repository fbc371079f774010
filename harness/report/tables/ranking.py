"""Average ranks over the datasets."""

from __future__ import annotations

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.analysis.ranking import complete
from harness.analysis.statistics import ALPHA
from harness.plan import titles
from harness.report.typeset import Table, estimate, from_to, number, probability


def numbers(analysis: Analysis) -> pd.DataFrame:
    return analysis.ranking


def layout(analysis: Analysis, origin: str) -> Table:
    frame = analysis.ranking
    rows = [
        [
            *(row.method, row.space, f"{row.datasets}"),
            *(estimate(row.rank, row.rank_low, row.rank_high), probability(row.p_random)),
        ]
        for row in frame.itertuples()
    ]
    caption = (
        f"Average rank over n = {from_to(frame['datasets'])} datasets, 1 is best. Methods are ranked by their RI, which"
        " compares each with the random architectures of its own space; random sampling takes part with its RI of 0."
        f" Interval: 95% percentile bootstrap over datasets, too narrow for few. {_tests(frame)} {origin}"
    )
    left = sorted({*analysis.relative_improvement["dataset"]} - {*complete(analysis.relative_improvement).index})
    notes = [f"Left out, because a method has no RI there: {', '.join(map(titles.dataset, left))}."] if left else []
    bold = {(i, 4) for i, p in enumerate(frame["p_random"]) if p <= ALPHA}
    return Table(["method", "space", "datasets", "rank\n[95% interval]", "p"], rows, caption, notes, 2, bold)


def _tests(frame: pd.DataFrame) -> str:
    if not len(frame) or frame["datasets"].max() < 2:
        return "One dataset gives ranks, but no interval and no test."
    return (
        f"Friedman's test that all rank alike: p = {probability(frame['p_friedman'].iloc[0])}. Two average ranks differ"
        f" significantly at 0.05 where they are more than {number(frame['difference'].iloc[0])} apart (Nemenyi's"
        " critical difference). p: of the difference from random sampling, corrected for all pairs."
    )
