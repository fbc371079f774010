"""Whether searches by weight sharing learned and decided anything: what a verdict on a method rests on."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from harness.analysis.columns import BASELINE, by_group
from harness.analysis.courses import ends
from harness.plan import datasets
from harness.plan.jobs import RANDOM

ACCURACY = "val_accuracy"
UNDECIDED = ("gates_kept", "alpha_entropy", "entropy")
"""What says how undecided a search is, the first of these that it logged: the share of open gates, and entropies."""
LEARNED, DECIDED = 50.0, 10.0
"""In percent: the least of both with which a method counts as searched. Declared, not estimated, when the curves of
laptop-2026-11-29 were known: half of the way from guessing to a trained network, and a tenth of what was undecided."""
SAID = {
    (True, True): "searched",
    (True, False): "learned, and hardly decided",
    (True, None): "learned",
    (False, True): "decided, on weights that hardly learned",
    (False, False): "neither learned nor decided",
    (False, None): "hardly learned",
}
"""What a method did, by whether it learned and whether it decided, where that is known."""
ENOUGH = (SAID[True, True], SAID[True, None])
"""The others were not searched at this size."""
SEARCHED = ["method", "space", "datasets", "n", "learned", "least_learned", "decided", "searched"]


def searched(curves: pd.DataFrame, finished_runs: pd.DataFrame) -> pd.DataFrame:
    """One row per method and space, of n searches that logged validation accuracies of shared weights, on `datasets`
    with random architectures and a known number of classes.

    learned: how far the shared weights came in the last epoch from guessing (one divided by the number of classes) to
    the mean test accuracy of the random architectures, trained alone, in percent; mean over datasets, and the least.
    decided: how far the entropy of the architecture parameters, or the share of open gates, fell from its highest value
    to that of the last epoch, in percent of the highest; mean over searches and datasets, missing where neither is
    logged. `searched`: one of SAID, by whether both are at least LEARNED and DECIDED.
    """
    random = finished_runs[finished_runs["method"] == RANDOM].groupby(BASELINE)["accuracy"].mean()
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    for (dataset, space, method), group in by_group(curves).items():
        guess, trained = chance(dataset), random.get((dataset, space), math.nan)
        _, reached = ends(group[group["metric"] == ACCURACY])
        if not math.isnan(reached) and guess is not None and trained > guess:
            learned = 100 * (100 * reached - guess) / (trained - guess)
            measured = {"n": group["seed"].nunique(), "learned": learned, "decided": _decided(group)}
            found.setdefault((method, space), []).append(measured)
    return pd.DataFrame([_row(*names, pd.DataFrame(on)) for names, on in sorted(found.items())], columns=SEARCHED)


def chance(dataset: str) -> float | None:
    """What guessing gives, in percent, of a dataset whose classes are known."""
    return 100 / datasets.named(dataset).classes if dataset in datasets.names() else None


def _decided(group: pd.DataFrame) -> float:
    logged = [metric for metric in UNDECIDED if (group["metric"] == metric).any()]
    if not logged:
        return math.nan
    values = group[group["metric"] == logged[0]].dropna(subset=["value"]).sort_values("epoch").groupby("seed")["value"]
    return (100 * (1 - values.last() / values.max())).mean()


def _row(method: str, space: str, on: pd.DataFrame) -> dict[str, Any]:
    learned, decided = on["learned"].mean(), on["decided"].mean()
    moved = None if math.isnan(decided) else bool(decided >= DECIDED)
    return {
        **{"method": method, "space": space, "datasets": len(on), "n": on["n"].sum()},
        **{"learned": learned, "least_learned": on["learned"].min(), "decided": decided},
        "searched": SAID[bool(learned >= LEARNED), moved],
    }
