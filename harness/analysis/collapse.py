"""Whether searches by gradients collapsed: towards skip connections and `none`, or to ranks that mean nothing."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pandas as pd

from harness.analysis import statistics
from harness.analysis.columns import GROUP, RUN, by_group
from harness.analysis.courses import ends
from harness.plan.jobs import RANDOM

QUANTITIES = {
    **{"skip_share": "skip", "none_share": "none", "alpha_entropy": "entropy", "entropy": "entropy"},
    "eigenvalue": "eigenvalue",
}
"""What searches log -> the quantity that it is."""
SHOWN = ("skip", "none", "entropy", "eigenvalue")
COURSE = [*RUN, "quantity", "epoch", "value"]
RANKS = ("tau", "tau_low", "tau_high", "ceiling", "ceiling_low", "ceiling_high")
COLLAPSE = [*GROUP, "n", *(f"{name}_{when}" for name in SHOWN for when in ("first", "last")), "ranked", *RANKS]


def course(curves: pd.DataFrame) -> pd.DataFrame:
    """One row per search, quantity and epoch, of searches that log a share of skip connections or of `none`."""
    known = curves[curves["metric"].isin(QUANTITIES)].dropna(subset=["value"])
    diagnosed = known[known["metric"].isin(("skip_share", "none_share"))]
    kept = known.set_index(RUN).index.isin(diagnosed.set_index(RUN).index)
    return known[kept].assign(quantity=known["metric"].map(QUANTITIES))[COURSE]


def collapse(course: pd.DataFrame, shared: pd.DataFrame, trainings: pd.DataFrame) -> pd.DataFrame:
    """One row per method, space and dataset: the means over n searches of each quantity in the first and in the last
    epoch; `tau`, the rank agreement of validation accuracies with the shared weights of a search and test accuracies
    of the same architectures trained alone, over `ranked` random architectures, averaged over searches; and `ceiling`,
    that of two trainings alone that differ in their seed."""
    rows = []
    courses, ranks = by_group(course), by_group(shared)
    for names in sorted({*courses, *ranks}):
        axes = dict(zip(GROUP, names))
        ends = _ends(courses[names]) if names in courses else {}
        n = max(group[names]["seed"].nunique() for group in (courses, ranks) if names in group)
        rows.append({**axes, "n": n, **ends, **_ranks(axes, ranks.get(names), trainings)})
    return pd.DataFrame(rows, columns=COLLAPSE)


def _ends(group: pd.DataFrame) -> dict[str, float]:
    found: dict[str, float] = {}
    for quantity, values in group.groupby("quantity"):
        found[f"{quantity}_first"], found[f"{quantity}_last"] = ends(values)
    return found


def _ranks(axes: dict[str, str], shared: pd.DataFrame | None, trainings: pd.DataFrame) -> dict[str, Any]:
    """Of the random architectures that were measured with shared weights and trained."""
    if shared is None:
        return {}
    same = (trainings["method"] == RANDOM) & (trainings["space"] == axes["space"])
    alone = trainings[same & (trainings["dataset"] == axes["dataset"])].dropna(subset=["accuracy"])
    judged = alone[alone["main"]].groupby("arch")["accuracy"].mean()
    table = shared.pivot_table(index="arch", columns="seed", values="shared")
    table = table[table.index.isin(judged.index)].sort_index()
    truth = judged[table.index].to_numpy(float)
    pairs = [(values.to_numpy(float), truth) for _, values in table.items()]
    repeats = alone[alone["cells"].isin(alone.loc[alone["main"], "cells"]) & alone["arch"].isin(table.index)]
    again = repeats.pivot_table(index="arch", columns="repeat", values="accuracy").to_numpy(float).T
    agreements = (
        _agreement(pairs, **axes, of="supernet"),
        _agreement(list(itertools.combinations(again, 2)), **axes, of="supernet ceiling"),
    )
    return {"ranked": len(table), **dict(zip(RANKS, itertools.chain(*agreements)))}


def _agreement(pairs: list[Any], **axes: str) -> tuple[float, float, float]:
    """All nan below three architectures, of which no rank could be told from chance."""
    if not pairs or len(pairs[0][0]) < 3:
        return math.nan, math.nan, math.nan
    return statistics.rank_agreement(pairs, **axes)
