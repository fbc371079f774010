"""Architectures trained at several depths: what depth changes, and whether their ranks hold."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from harness.analysis import statistics
from harness.analysis.columns import BASELINE, GROUP, by_group
from harness.analysis.results import in_percent
from harness.plan.jobs import RANDOM

DEPTH = [
    *(*GROUP, "cells_small", "cells_large", "n", "accuracy_small", "accuracy_large", "gain", "gain_low", "gain_high"),
    *("tau", "tau_low", "tau_high", "tau_of_means"),
    *("ceiling_small", "ceiling_small_low", "ceiling_small_high"),
    *("ceiling_large", "ceiling_large_low", "ceiling_large_high"),
    *("gap", "gap_low", "gap_high", "p"),
]


def depth_gap(trainings: pd.DataFrame) -> pd.DataFrame:
    """One row per method and pair of depths: accuracies of the architectures trained at both, and what depth gained.

    For random architectures also `tau`, the rank agreement of a training at one depth with a training at the other, and
    its ceilings, the agreement of two trainings at the same depth: single trainings all three, so they compare. `gap`:
    mean ceiling - tau, paired by architecture, with its own interval and test (`statistics.rank_gap`): the depth gap.
    `tau_of_means` ranks by the mean over repeats, which lies higher because averaging removes noise.
    """
    rows = []
    for names, group in by_group(trainings.dropna(subset=["accuracy", "arch", "cells"])).items():
        for small, large in itertools.combinations(sorted(group["cells"].unique()), 2):
            table = group.pivot_table(index="arch", columns=["cells", "repeat"], values="accuracy", sort=True)
            table = table[table[small].notna().any(axis=1) & table[large].notna().any(axis=1)]
            if len(table):
                axes = {**dict(zip(GROUP, names)), "cells_small": int(small), "cells_large": int(large)}
                rows.append(_row(axes, table))
    frame = pd.DataFrame(rows, columns=DEPTH)
    return frame.sort_values([*BASELINE, "cells_small", "cells_large", "method"], key=_random_first, kind="stable")


def _random_first(column: pd.Series) -> pd.Series:
    return column.replace(RANDOM, "") if column.name == "method" else column


def _row(axes: dict[str, Any], table: pd.DataFrame) -> dict[str, Any]:
    """table: accuracies, one row per architecture, one column per depth and repeat."""
    small, large = (table[axes[depth]].to_numpy(float).T for depth in ("cells_small", "cells_large"))
    mean_small, mean_large = np.nanmean(small, axis=0), np.nanmean(large, axis=0)
    low, high = statistics.mean_interval(mean_large - mean_small, **axes)
    row = {
        **axes,
        "n": len(table),
        **{"accuracy_small": mean_small.mean(), "accuracy_large": mean_large.mean()},
        **{"gain": (mean_large - mean_small).mean(), "gain_low": low, "gain_high": high},
    }
    if axes["method"] != RANDOM:
        return row
    pairs = {
        "tau": _rankable(itertools.product(small, large)),
        "ceiling_small": _rankable(itertools.combinations(small, 2)),
        "ceiling_large": _rankable(itertools.combinations(large, 2)),
    }
    for name, of in pairs.items():
        agreement = statistics.rank_agreement(of, **axes, of=name)
        row |= dict(zip((name, f"{name}_low", f"{name}_high"), agreement))
    tau, *ceilings = pairs.values()
    row |= dict(zip(("gap", "gap_low", "gap_high", "p"), statistics.rank_gap(tau, ceilings)))
    return {**row, "tau_of_means": statistics.rank_agreement([(mean_small, mean_large)], **axes)[0]}


def _rankable(pairs: Iterable[Sequence[np.ndarray]]) -> list[tuple[np.ndarray, np.ndarray]]:
    """The pairs of trainings that at least three architectures have both of."""
    return [(a, b) for a, b in pairs if np.sum(np.isfinite(a) & np.isfinite(b)) >= 3]


def depth_points(trainings: pd.DataFrame) -> pd.DataFrame:
    """One row per architecture and pair of depths: accuracies in percent, means over repeats."""
    done = in_percent(trainings.dropna(subset=["accuracy", "arch", "cells"]))
    means = done.groupby([*GROUP, "arch", "cells"])["accuracy"].mean().reset_index()
    both = means.merge(means, on=[*GROUP, "arch"], suffixes=("_small", "_large"))
    return both[both["cells_small"] < both["cells_large"]].reset_index(drop=True)
