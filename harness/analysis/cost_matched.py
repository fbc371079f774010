"""Each method against random search of the same cost: the best of as many random architectures as could have been
trained instead of the search."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.special import comb

from harness.analysis.columns import GROUP, by_group
from harness.analysis.statistics import LEVEL, NO_INTERVAL, relative_improvement
from harness.plan.jobs import RANDOM

COST_MATCHED = [
    *(*GROUP, "n_method", "n_random", "search_images", "retraining_images", "k", "mean", "best_random"),
    *("best_low", "best_high", "gain", "gain_low", "gain_high"),
]

LARGEST_SHARE = 0.2
"""Of the random architectures that the best is taken of: above, its interval does not hold."""


def expected_best(sample: ArrayLike, k: int) -> float:
    """The mean of the largest of k values drawn from n without replacement, over all draws: exact, and unbiased for k
    independent draws. For k >= n the largest of the n, which is then too low.

    The i-th smallest is the largest of C(i - 1, k - 1) of the C(n, k) draws.
    """
    return float(np.sort(np.asarray(sample, float)) @ _weights(len(np.asarray(sample)), k))


def _weights(n: int, k: int) -> NDArray[np.float64]:
    return comb(np.arange(n), min(k, n) - 1) / comb(n, min(k, n))


def affordable(search_images: float, retraining_images: float) -> int:
    """Trainings from scratch that see as many images as a search, rounded down, at least 1."""
    return max(1, math.floor(search_images / retraining_images))


def best_intervals(method: ArrayLike, random: ArrayLike, k: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """95% intervals of `expected_best` of the random architectures, and of the method's gain over it in percent; none
    where k exceeds a fifth of the architectures, because no interval holds there, or where a sample has fewer than 2.

    Best of k: Student's t with the jackknife's standard error. Gain: exp(ln(m / best) ± t se) - 1, se² = s_m² / (n m²)
    + se_best² / best², Satterthwaite's degrees of freedom.
    """
    method, random = np.asarray(method, float), np.sort(np.asarray(random, float))
    n = len(random)
    if n < 2 or k > n * LARGEST_SHARE:
        return NO_INTERVAL, NO_INTERVAL
    best, weights = expected_best(random, k), _weights(n - 1, k)
    error = (n - 1) * np.var([np.delete(random, i) @ weights for i in range(n)])  # squared
    margin = math.sqrt(error) * stats.t.isf((1 - LEVEL) / 2, n - 1)
    around = best - margin, best + margin
    if len(method) < 2 or min(method.mean(), best) <= 0:
        return around, NO_INTERVAL
    parts = np.array([method.var(ddof=1) / (len(method) * method.mean() ** 2), error / best**2])
    freedom = parts.sum() ** 2 / np.sum(parts**2 / [len(method) - 1, n - 1]) if parts.sum() else 1.0
    margin = math.sqrt(parts.sum()) * stats.t.isf((1 - LEVEL) / 2, freedom)
    low, high = 100 * np.expm1(math.log(method.mean() / best) + np.array([-margin, margin]))
    return around, (float(low), float(high))


def cost_matched(runs: pd.DataFrame, costs: pd.DataFrame) -> pd.DataFrame:
    """One row per method, space and dataset whose search cost is known: its mean against the expected best of `k`
    random architectures, accuracies in the units they came in, gain in percent of the best.

    The best is chosen by test accuracy, so it is an upper bound of what random search could reach: only a perfect
    selector finds it. Records hold no validation accuracy of a final training that could choose instead.
    """
    finished = by_group(runs.dropna(subset=["accuracy"]))
    known = costs.dropna(subset=["search_images", "retraining_images"]).set_index(GROUP)
    rows = []
    for names, cost in known.to_dict("index").items():
        random = (*names[:2], RANDOM)
        if names != random and random in finished and cost["retraining_images"]:  # a table costs no images
            samples = finished[names]["accuracy"], finished[random]["accuracy"]
            rows.append(_row(dict(zip(GROUP, names)), *samples, cost))
    return pd.DataFrame(rows, columns=COST_MATCHED)


def _row(names: dict[str, str], method: pd.Series, random: pd.Series, cost: dict[str, int]) -> dict[str, Any]:
    search, retraining = cost["search_images"], cost["retraining_images"]
    k = affordable(search, retraining)
    best = expected_best(random, k)
    (best_low, best_high), (low, high) = best_intervals(method, random, k)
    return {
        **names,
        **{"n_method": len(method), "n_random": len(random), "search_images": search, "retraining_images": retraining},
        **{"k": k, "mean": method.mean(), "best_random": best, "best_low": best_low, "best_high": best_high},
        **{"gain": relative_improvement(method, [best]), "gain_low": low, "gain_high": high},
    }
