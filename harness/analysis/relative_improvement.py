"""Each method against the random architectures of its space: relative improvement, test, verdict, percentile."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from harness.analysis import statistics
from harness.analysis.columns import BASELINE, GROUP, by_group
from harness.plan.jobs import RANDOM

IMPROVEMENT = [
    *(*GROUP, "cells", "n_method", "n_random", "failed_method", "failed_random"),
    *("mean", "std", "random_mean", "random_std", "ri", "ri_low", "ri_high", "p", "p_holm", "verdict", "runs_needed"),
    *("percentile", "percentile_low", "percentile_high"),
]


def relative_improvement(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per method, space and dataset, compared with the random architectures of that space and dataset.

    Accuracies in the units they came in; ri and its interval in percent; Holm over all rows of the table;
    runs_needed is inf for more than 1,000.
    """
    random = dict(iter(runs[runs["method"] == RANDOM].groupby(BASELINE)))
    rows = [
        _compare(dict(zip(GROUP, names)), group, random.get(names[:2], runs.iloc[:0]))
        for names, group in by_group(runs).items()
        if names[2] != RANDOM
    ]
    for row, corrected in zip(rows, statistics.holm([row["p"] for row in rows])):
        row["p_holm"] = corrected
        row["verdict"] = row.get("verdict") or statistics.verdict(row["ri"], corrected)
    return pd.DataFrame(rows, columns=IMPROVEMENT).astype({"cells": "Int64"})


def _compare(names: dict[str, str], method: pd.DataFrame, random: pd.DataFrame) -> dict[str, Any]:
    a, b = method["accuracy"].dropna(), random["accuracy"].dropna()
    row: dict[str, Any] = {
        **names,
        "cells": method["cells"].dropna().max(),
        **{"n_method": len(a), "n_random": len(b)},
        **{"failed_method": len(method) - len(a), "failed_random": len(random) - len(b)},
        **{"mean": a.mean(), "std": a.std(ddof=1), "random_mean": b.mean(), "random_std": b.std(ddof=1)},
        "p": math.nan,
    }
    if not len(a) or not len(b):
        return {**row, "verdict": "no result" if len(b) else "no baseline"}
    low, high = statistics.improvement_interval(a, b, **names)
    below, above = statistics.percentile_interval(a, b, **names)
    return {
        **row,
        **{"ri": statistics.relative_improvement(a, b), "ri_low": low, "ri_high": high},
        **{"p": statistics.difference_test(a, b), "runs_needed": statistics.runs_needed(a, b)},
        **{"percentile": statistics.percentile(a, b), "percentile_low": below, "percentile_high": above},
    }
