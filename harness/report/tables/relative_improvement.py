"""Each method against the random architectures of its space, with everything the verdict rests on."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.analysis.statistics import ALPHA, DRAWS, FEWEST_RANDOM, FEWEST_RUNS, MOST_RUNS
from harness.report.tables.base import (
    TEST,
    failed_runs,
    holm_corrected,
    mean_and_deviation,
    percent_factors,
    samples,
    significant,
    undecidable,
    untested,
    verdict,
)
from harness.report.typeset import Table, estimate, number, probability

HEADERS = [
    *("dataset", "space", "method", "RI, %\n[95% interval]", "p", "verdict (p, Holm)\n[interval, Holm]"),
    *("RI, %, against\nthe median", "runs for\n80% power"),
    *("n vs\nrandom", "accuracy, % vs\nrandom", "percentile\n[95% interval]"),
]


def numbers(analysis: Analysis) -> pd.DataFrame:
    return analysis.relative_improvement


def layout(analysis: Analysis, origin: str) -> Table:
    frame = analysis.relative_improvement
    factors = percent_factors(frame, "mean", "random_mean")
    caption = (
        "Relative improvement (RI) over the mean of the random architectures of the same space, trained the same way:"
        " one method on one dataset, secondary to the table of methods. n = "
        f"{samples(frame)}; mean ± standard deviation (ddof 1) of the test accuracy. p and the 95% interval are of one"
        f" row by itself and come from one test: {TEST}; the interval excludes 0 where p is at most {ALPHA}. The"
        f" verdict and the interval below it are {holm_corrected(frame)}.{untested(frame)}{undecidable(frame)}"
        " Against the median: the same with the median random architecture in place of the mean, without a test."
        " Runs for 80% power: how many runs of the method, and as many random architectures, one test at 0.05 would"
        " need to find this RI, if the means and spreads seen here were the true ones. Percentile: of the method's runs"
        " among the random architectures; 50 is what random draws have; its interval is a percentile bootstrap"
        f" ({DRAWS:,} draws), from {FEWEST_RUNS} runs and {FEWEST_RANDOM} random architectures on. {origin}"
    )
    rows = [_row(row, factor) for row, factor in zip(frame.itertuples(), factors)]
    return Table(HEADERS, rows, caption, failed_runs(analysis.runs), bold=significant(frame["verdict"], 3, 5))


def _row(row: Any, factor: float) -> list[str]:
    accuracy, random = (
        mean_and_deviation(mean, std, factor) for mean, std in ((row.mean, row.std), (row.random_mean, row.random_std))
    )
    return [
        *(row.dataset, row.space, row.method),
        estimate(row.ri, row.ri_low, row.ri_high, sign=True),
        probability(row.p),
        verdict(row),
        number(row.ri_median, sign=True),
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
