"""Each method against the random architectures of its space, with everything the verdict rests on."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.analysis.statistics import ALPHA, DRAWS, MOST_RUNS
from harness.report.tables.base import failed_runs, mean_and_deviation, percent_factors, samples, untested
from harness.report.typeset import Table, estimate, probability

HEADERS = [
    *("dataset", "space", "method", "RI, %\n[95% interval]", "verdict\n(p, Holm)", "runs for\n80% power"),
    *("n vs\nrandom", "accuracy, % vs\nrandom", "percentile\n[95% interval]"),
]


def numbers(analysis: Analysis) -> pd.DataFrame:
    return analysis.relative_improvement


def layout(analysis: Analysis, origin: str) -> Table:
    frame = analysis.relative_improvement
    factors = percent_factors(frame, "mean", "random_mean")
    caption = (
        "Relative improvement (RI) over the mean of the random architectures of the same space, trained the same way."
        f" n = {samples(frame)}; mean ± standard deviation (ddof 1) of the test accuracy. Intervals: percentile"
        f" bootstrap over runs and random architectures, {DRAWS:,} draws; they are too narrow for few runs, so the"
        " verdict rests on a test: Welch's t, two-sided, Holm-corrected over the"
        f" {frame['p'].notna().sum()} rows that have one, at {ALPHA}.{untested(frame)}"
        " Runs for 80% power: how many runs of the method, and as many random architectures, one test at 0.05 would"
        " need to find this RI, if the means and spreads seen here were the true ones. Percentile: of the method's runs"
        f" among the random architectures; 50 is what random draws have. {origin}"
    )
    rows = [_row(row, factor) for row, factor in zip(frame.itertuples(), factors)]
    return Table(HEADERS, rows, caption, failed_runs(analysis.runs))


def _row(row: Any, factor: float) -> list[str]:
    accuracy, random = (
        mean_and_deviation(mean, std, factor) for mean, std in ((row.mean, row.std), (row.random_mean, row.random_std))
    )
    return [
        *(row.dataset, row.space, row.method),
        estimate(row.ri, row.ri_low, row.ri_high, sign=True),
        row.verdict + ("" if pd.isna(row.p_holm) else f"\n(p {probability(row.p_holm)})"),
        runs_needed(row.runs_needed),
        f"{_count(row.n_method, row.failed_method)} vs\n{_count(row.n_random, row.failed_random)}",
        f"{accuracy} vs\n{random}",
        estimate(row.percentile, row.percentile_low, row.percentile_high, 0),
    ]


def _count(done: int, failed: int) -> str:
    return f"{done} of {done + failed}" if failed else f"{done}"


def runs_needed(runs: float) -> str:
    if pd.isna(runs):
        return "–"
    return f">{MOST_RUNS:,}" if math.isinf(runs) else f"{runs:.0f}"
