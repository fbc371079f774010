"""Each method against random architectures over all datasets: the primary family of tests."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from harness.analysis.columns import BASELINE
from harness.analysis.comparison import UNDEFINED, Comparison, judged
from harness.plan.jobs import RANDOM

METHODS = [
    *("method", "space", "datasets", "n_method", "n_random", "ri", "ri_low", "ri_high", "ri_median"),
    *("p", "p_holm", "verdict", "holm_low", "holm_high"),
]
FEWEST = 2
"""Runs, and random architectures, without which a dataset says nothing of spread."""
Pairs = list[tuple[pd.Series, pd.Series]]


def pooled(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per method and space, pooled over the `datasets` in which it has at least 2 runs and 2 random
    architectures with means above 0.

    ri: 100 (exp(mean over datasets of ln(mean of the method / mean of random)) - 1), so each dataset counts the same;
    ri_median: against the median random architecture of each dataset. Intervals and verdict as in
    `relative_improvement`, corrected over these rows; values are rearranged within datasets. n: over all datasets.
    """
    return against(RANDOM, runs)


def against(baseline: str, runs: pd.DataFrame) -> pd.DataFrame:
    """As `pooled`, with the runs of a method in the place of the random architectures."""
    done = runs.dropna(subset=["accuracy"])
    random = {names: group["accuracy"] for names, group in done[done["method"] == baseline].groupby(BASELINE)}
    found: dict[tuple[str, str], Pairs] = {}
    undefined = set()
    for (method, space, dataset), group in done[~done["method"].isin([RANDOM, baseline])].groupby(
        ["method", "space", "dataset"]
    ):
        pair = group["accuracy"], random.get((dataset, space), pd.Series(dtype=float))
        found.setdefault((method, space), []).extend([pair] if usable(*pair) else [])
        if len(pair[1]) and not pair[1].any():
            undefined.add((method, space))
    judgements = judged([Comparison.of(pairs) for pairs in found.values()])
    for (names, pairs), judgement in zip(found.items(), judgements):
        if names in undefined and not pairs:
            judgement["verdict"] = UNDEFINED
    rows = [_row(*names, pairs, judgement) for (names, pairs), judgement in zip(found.items(), judgements)]
    return pd.DataFrame(rows, columns=METHODS)


def usable(method: pd.Series, random: pd.Series) -> bool:
    """Whether a dataset can be pooled: accuracies of finished runs, of finished random architectures."""
    return min(len(method), len(random)) >= FEWEST and min(method.mean(), random.mean()) > 0


def _row(method: str, space: str, pairs: Pairs, judgement: dict[str, Any]) -> dict[str, Any]:
    return {
        **{"method": method, "space": space, "datasets": len(pairs)},
        **{"n_method": sum(len(a) for a, _ in pairs), "n_random": sum(len(b) for _, b in pairs)},
        "ri": _pooled([a.mean() / b.mean() for a, b in pairs]),
        "ri_median": _pooled([a.mean() / b.median() if b.median() else math.nan for a, b in pairs]),
        **judgement,
        **{"ri_low": judgement["low"], "ri_high": judgement["high"]},
    }


def _pooled(ratios: list[float]) -> float:
    """The geometric mean of ratios as an improvement in percent; nan without one."""
    return 100 * math.expm1(np.mean(np.log(ratios))) if ratios else math.nan
