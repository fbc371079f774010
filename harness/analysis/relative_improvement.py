"""Each method against the random architectures of its space: relative improvement, test, verdict, percentile."""

from __future__ import annotations

from typing import Any

import pandas as pd

from harness.analysis import statistics
from harness.analysis.columns import BASELINE, GROUP, by_group
from harness.analysis.comparison import UNDEFINED, Comparison, judged
from harness.plan.jobs import RANDOM

IMPROVEMENT = [
    *(*GROUP, "cells", "n_method", "n_random", "failed_method", "failed_random"),
    *("mean", "std", "random_mean", "random_std", "random_median", "ri", "ri_low", "ri_high", "ri_median"),
    *("p", "p_holm", "verdict", "holm_low", "holm_high", "runs_needed"),
    *("percentile", "percentile_low", "percentile_high"),
]


def relative_improvement(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per method, space and dataset, compared with the random architectures of that space and dataset.

    Accuracies in the units they came in; ri, its intervals and ri_median, against the median random architecture, in
    percent. p and (ri_low, ri_high) are of the row by itself, verdict and (holm_low, holm_high) corrected over all rows
    of the table (`harness.analysis.comparison`); runs_needed is inf for more than 1,000.
    """
    random = dict(iter(runs[runs["method"] == RANDOM].groupby(BASELINE)))
    groups = {names: group for names, group in by_group(runs).items() if names[2] != RANDOM}
    pairs = [(group, random.get(names[:2], runs.iloc[:0])) for names, group in groups.items()]
    samples = [(a["accuracy"].dropna(), b["accuracy"].dropna()) for a, b in pairs]
    judgements = judged([Comparison.of([pair]) for pair in samples])
    rows = [
        {**_counts(dict(zip(GROUP, names)), *pair), **_compared(names, *sample, judgement)}
        for names, pair, sample, judgement in zip(groups, pairs, samples, judgements)
    ]
    return pd.DataFrame(rows, columns=IMPROVEMENT).astype({"cells": "Int64"})


def _counts(names: dict[str, str], method: pd.DataFrame, random: pd.DataFrame) -> dict[str, Any]:
    a, b = method["accuracy"].dropna(), random["accuracy"].dropna()
    return {
        **names,
        "cells": method["cells"].dropna().max(),
        **{"n_method": len(a), "n_random": len(b)},
        **{"failed_method": len(method) - len(a), "failed_random": len(random) - len(b)},
        **{"mean": a.mean(), "std": a.std(ddof=1), "random_mean": b.mean(), "random_std": b.std(ddof=1)},
        "random_median": b.median(),
    }


def _compared(names: tuple[str, str, str], a: pd.Series, b: pd.Series, judgement: dict[str, Any]) -> dict[str, Any]:
    if not len(a) or not len(b):
        return {**judgement, "verdict": "no result" if len(b) else "no baseline"}
    if not b.any():
        judgement = {**judgement, "verdict": UNDEFINED}
    below, above = statistics.percentile_interval(a, b, **dict(zip(GROUP, names)))
    return {
        **judgement,
        **{"ri": statistics.relative_improvement(a, b), "ri_low": judgement["low"], "ri_high": judgement["high"]},
        "ri_median": statistics.relative_improvement(a, [b.median()]),
        "runs_needed": statistics.runs_needed(a, b),
        **{"percentile": statistics.percentile(a, b), "percentile_low": below, "percentile_high": above},
    }
