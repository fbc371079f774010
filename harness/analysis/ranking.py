"""Which method ranks where across datasets: average ranks, Friedman's test, Nemenyi's critical difference.

Methods are ranked by their RI, that is against the random architectures of their own space, so methods of different
spaces can be compared. Random sampling takes part once, with its RI of 0: a method that ranks below it is worse than
the average random architecture. After Demšar, Statistical comparisons of classifiers over multiple data sets (2006).
Measured on 8,000 simulated tables without any effect (3 or 4 methods and the constant 0, 5 or 20 datasets): Friedman's
test rejects in 3.9 to 5.4% of them, and Nemenyi's finds a method that differs from random sampling in 0.2 to 1.2%: a
constant ranks near the middle, so the comparison with it is conservative.

Nemenyi's test is our own code: scikit-posthocs 0.17 gives its p but not the critical difference, and its import brings
matplotlib and seaborn with it, which takes 0.8 to 1.6 s of processor time (measured).
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from harness.analysis.statistics import ALPHA, DRAWS, NO_INTERVAL, generator, quantiles
from harness.plan.jobs import RANDOM

EVERY = "every space"
RANKING = ["method", "space", "datasets", "rank", "rank_low", "rank_high", "p_random", "p_friedman", "difference"]


def average_ranks(values: ArrayLike) -> NDArray[np.float64]:
    """Ranks (datasets, methods) of values (datasets, methods) within each dataset: 1 is the largest, ties share."""
    return stats.rankdata(-np.round(np.asarray(values, float), 9), axis=1)


def friedman(ranks: NDArray[np.float64]) -> float:
    """p of Friedman's test that all methods rank alike (chi-square, corrected for ties: rough below ten datasets); nan
    for fewer than 3 methods or 2 datasets, or where all are equal."""
    if ranks.shape[0] < 2 or ranks.shape[1] < 3 or not np.ptp(ranks):
        return math.nan
    return float(stats.friedmanchisquare(*ranks.T).pvalue)


def nemenyi(ranks: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """(critical difference of two average ranks at 0.05, p (methods, methods) of every two), corrected for all pairs.

    CD = q sqrt(k (k + 1) / 6 N) for k methods and N datasets, q: the studentized range of k means with infinite degrees
    of freedom, over sqrt 2. nan for one dataset.
    """
    datasets, methods = ranks.shape
    if datasets < 2 or methods < 2:
        return math.nan, np.full((methods, methods), math.nan)
    error = math.sqrt(methods * (methods + 1) / (12 * datasets))
    means = ranks.mean(axis=0)
    p = stats.studentized_range.sf(np.abs(np.subtract.outer(means, means)) / error, methods, math.inf)
    return float(stats.studentized_range.isf(ALPHA, methods, math.inf) * error), np.clip(p, 0, 1)


def rank_intervals(ranks: NDArray[np.float64]) -> list[tuple[float, float]]:
    """95% percentile-bootstrap intervals of the average ranks (datasets, methods): whole datasets are drawn with
    replacement, so what varies inside a dataset varies with it. No interval for one dataset; narrow for few."""
    datasets = len(ranks)
    if datasets < 2:
        return [NO_INTERVAL] * ranks.shape[1]
    drawn = generator(purpose="rank_intervals").multinomial(datasets, np.full(datasets, 1 / datasets), size=DRAWS)
    return [quantiles(draws) for draws in (drawn @ ranks / datasets).T]


def complete(improvement: pd.DataFrame) -> pd.DataFrame:
    """RI, one row per dataset in which every method has one, one column per (method, space), random sampling as 0."""
    known = improvement.dropna(subset="ri")
    table = known.pivot(index="dataset", columns=["method", "space"], values="ri").dropna()
    table[RANDOM, EVERY] = 0.0
    return table


def ranking(improvement: pd.DataFrame) -> pd.DataFrame:
    """One row per method (in its space), best first, from the table of relative improvement.

    rank: mean over the `datasets` in which every method has an RI, 1 is best; p_random: Nemenyi's p against random
    sampling; p_friedman, of all together, and difference, Nemenyi's critical one, are the same in each row.
    """
    table = complete(improvement)
    if not len(table):
        return pd.DataFrame(columns=RANKING)
    ranks = average_ranks(table)
    difference, p = nemenyi(ranks)
    low, high = zip(*rank_intervals(ranks))
    names = {"method": table.columns.get_level_values(0), "space": table.columns.get_level_values(1)}
    random = list(names["method"]).index(RANDOM)
    frame = pd.DataFrame(
        {
            **names,
            **{"datasets": len(table), "rank": ranks.mean(axis=0), "rank_low": low, "rank_high": high},
            **{"p_random": p[random], "p_friedman": friedman(ranks), "difference": difference},
        }
    )
    frame.loc[random, "p_random"] = math.nan
    return frame.sort_values(["rank", "method", "space"], ignore_index=True)


def cliques(ranks: ArrayLike, difference: float) -> list[tuple[int, int]]:
    """(first, last) of every longest run of sorted average ranks that lie within the critical difference: the bars of a
    critical-difference diagram."""
    ranks = np.asarray(ranks, float)
    last = [np.count_nonzero(ranks <= rank + difference) - 1 for rank in ranks]
    runs = [(i, int(end)) for i, end in enumerate(last) if end > i]
    return [(i, end) for i, end in runs if not any(j < i and end <= other for j, other in runs)]
