"""What several tables say in the same way."""

from __future__ import annotations

import pandas as pd

from harness.analysis.results import percent_factor
from harness.report.typeset import number


def from_to(counts: pd.Series) -> str:
    """ "3", or "6 to 8"."""
    low, high = (counts.min(), counts.max()) if len(counts) else (0, 0)
    return f"{low}" if low == high else f"{low} to {high}"


def samples(improvement: pd.DataFrame) -> str:
    """How many runs and random architectures a table compares, as captions write it after "n = "."""
    runs, random = from_to(improvement["n_method"]), from_to(improvement["n_random"])
    return f"{runs} runs per method against {random} random architectures"


def mean_and_deviation(mean: float, deviation: float, factor: float = 1.0) -> str:
    return number(mean * factor) + ("" if pd.isna(deviation) else f" ± {number(deviation * factor)}")


def percent_factors(frame: pd.DataFrame, *columns: str) -> pd.Series:
    """What the accuracies in these columns have to be multiplied by to be percentages, for each row; a dataset has one
    unit."""
    largest = frame[list(columns)].max(axis=1).groupby(frame["dataset"]).transform("max")
    return largest.map(lambda value: percent_factor(pd.Series([value])))


def failed_runs(runs: pd.DataFrame) -> list[str]:
    """A footnote that names every run without an accuracy; none where there is none."""
    named = [
        f"{run.method} in {run.space} on {run.dataset}, seed {run.seed} ({run.status})"
        for run in runs[runs["accuracy"].isna()].itertuples()
    ]
    return [f"Left out of means, intervals and tests: {'; '.join(named)}."] if named else []


def untested(improvement: pd.DataFrame) -> str:
    """The sentence on single runs, where there are any."""
    some = "no interval" in set(improvement["verdict"])
    return " No interval: a single run has neither an interval nor a test." if some else ""
