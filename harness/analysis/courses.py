"""How searches went: what they logged, epoch by epoch, in short."""

from __future__ import annotations

import pandas as pd

from harness.analysis.columns import GROUP

COURSES = [*GROUP, "metric", "n", "epochs", "first", "middle", "last", "last_std"]


def courses(curves: pd.DataFrame) -> pd.DataFrame:
    """One row per method, space, dataset and metric: the mean over n searches in the first, the middle and the last
    epoch, and the standard deviation in the last."""
    rows = []
    for (*names, metric), group in curves.groupby([*GROUP, "metric"], sort=True):
        values = group.groupby("epoch")["value"]
        means, ends = values.mean(), group[group["epoch"] == group["epoch"].max()]["value"]
        row = {**dict(zip(GROUP, names)), "metric": metric, "n": group["seed"].nunique(), "epochs": len(means)}
        first, middle, last = means.iloc[[0, (len(means) - 1) // 2, -1]]
        rows.append({**row, "first": first, "middle": middle, "last": last, "last_std": ends.std()})
    return pd.DataFrame(rows, columns=COURSES)


def ends(values: pd.DataFrame) -> tuple[float, float]:
    """The mean over searches of the first and of the last value of each, which may end early."""
    searches = values.dropna(subset=["value"]).sort_values("epoch").groupby("seed")["value"]
    return searches.first().mean(), searches.last().mean()
