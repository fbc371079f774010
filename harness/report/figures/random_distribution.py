"""Every run among the random architectures of its space."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.analysis import Analysis
from harness.analysis.columns import RUN
from harness.plan import titles
from harness.plan.jobs import RANDOM
from harness.report.figures import style
from harness.report.figures.style import Colours
from harness.report.typeset import fold, from_to

Lanes = dict[tuple[str, str], int]
"""(space, method) -> the height at which its runs are drawn, counted from the top."""
MEAN: dict[str, Any] = {"color": "black", "linewidth": 2.0}
RANDOM_MEAN: dict[str, Any] = {"color": "0.4", "linewidth": 0.9}
SPREAD = 0.28
"""How far above and below its lane a mark may stand."""


def data(analysis: Analysis) -> pd.DataFrame:
    return analysis.finished_runs[[*RUN, "accuracy"]]


def draw(data: pd.DataFrame, colours: Colours) -> Figure:
    """One panel per dataset, one lane per method and one for the random architectures of each space; a line joins their
    mean with the methods that are compared with it."""
    pairs = data[["space", "method"]].drop_duplicates().sort_values(["space", "method"], key=_random_last)
    lanes = {(row.space, row.method): i for i, row in enumerate(pairs.itertuples())}
    counts = data.groupby(["space", "method", "dataset"]).size()
    names = [_name(space, method, counts[space, method]) for space, method in lanes]
    groups = [group for _, group in data.groupby("dataset")]
    height = style.pitch(names) * len(lanes) + 0.55
    figure, axes = style.panels(len(groups), height, 1.8, style.inches(names), sharey=True)
    for axis, group in zip(axes, groups):
        _panel(axis, group, lanes, colours)
        axis.set_title(fold(style.place(group["dataset"].iloc[0]), 26))
        axis.set(xlabel="test accuracy, %")
        axis.set(yticks=range(len(lanes)), yticklabels=names, ylim=(len(lanes) - 0.4, -0.6))
        axis.grid(axis="y", visible=False)
    looks = {"mean of a method": (MEAN, 8), "mean of random": (RANDOM_MEAN, 12)}
    entries = [
        style.entry(said, look["color"], "|", markersize=size, markeredgewidth=look["linewidth"])
        for said, (look, size) in looks.items()
    ]
    style.legend(figure, [style.entry("one architecture", "0.3", "D"), *entries])
    return figure


def _name(space: str, method: str, counts: pd.Series) -> str:
    """A lane's name; n is of one dataset."""
    return fold(f"{titles.of(method, space)}, n = {from_to(counts)}", 34)


def _random_last(column: pd.Series) -> pd.Series:
    return column.replace(RANDOM, "\uffff") if column.name == "method" else column


def _panel(axis: Axes, group: pd.DataFrame, lanes: Lanes, colours: Colours) -> None:
    for (space, method), points in group.groupby(["space", "method"]):
        y, mean = lanes[space, method], points["accuracy"].mean()
        random = method == RANDOM
        top = min(lanes[pair] for pair in lanes if pair[0] == space) if random else y
        reach = 0.45 if random else 0.3
        axis.plot([mean] * 2, [top - reach, y + reach], **(RANDOM_MEAN if random else MEAN), zorder=4)
        dots: dict[str, Any] = {"color": colours[method], "marker": "o" if random else "D", "linewidth": 0}
        axis.scatter(points["accuracy"], y + _spread(points["accuracy"]), 12, alpha=0.75, zorder=3, **dots)


def _spread(accuracies: pd.Series) -> np.ndarray:
    """How far from its lane each mark stands, so that near ones do not cover each other: in the order of the
    accuracies in turn at the lane, above and below it, always in the same way."""
    order = accuracies.rank(method="first").to_numpy(int)
    return SPREAD * (np.array([0, 1, -1, 0.5, -0.5])[order % 5] if len(order) > 3 else np.zeros(len(order)))
