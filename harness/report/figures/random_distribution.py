"""Every run among the random architectures of its space."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.analysis import Analysis
from harness.analysis.columns import RUN
from harness.plan.jobs import RANDOM
from harness.report.figures import style
from harness.report.figures.style import Colours
from harness.report.typeset import fold

Lanes = dict[tuple[str, str], int]
"""(space, method) -> the height at which its runs are drawn, counted from the top."""


def data(analysis: Analysis) -> pd.DataFrame:
    return analysis.finished_runs[[*RUN, "accuracy"]]


def draw(data: pd.DataFrame, colours: Colours) -> Figure:
    """One panel per dataset, one lane per method and one for the random architectures of each space; a line joins their
    mean with the methods that are compared with it."""
    pairs = data[["space", "method"]].drop_duplicates().sort_values(["space", "method"], key=_random_last)
    lanes = {(row.space, row.method): i for i, row in enumerate(pairs.itertuples())}
    names = [style.label("random" if method == RANDOM else method, space) for space, method in lanes]
    groups = [group for _, group in data.groupby("dataset")]
    height = style.pitch(names) * len(lanes) + 0.55
    figure, axes = style.panels(len(groups), height, 1.8, style.inches(names), sharey=True)
    for axis, group in zip(axes, groups):
        _panel(axis, group, lanes, colours)
        axis.set(xlabel="test accuracy, %", title=fold(group["dataset"].iloc[0]))
        axis.set(yticks=range(len(lanes)), yticklabels=names, ylim=(len(lanes) - 0.4, -0.6))
        axis.grid(axis="y", visible=False)
    return figure


def _random_last(column: pd.Series) -> pd.Series:
    return column.replace(RANDOM, "\uffff") if column.name == "method" else column


def _panel(axis: Axes, group: pd.DataFrame, lanes: Lanes, colours: Colours) -> None:
    for (space, method), points in group.groupby(["space", "method"]):
        y = lanes[space, method]
        if method == RANDOM:
            _cloud(axis, points["accuracy"], y, min(lanes[pair] for pair in lanes if pair[0] == space))
        dots: dict[str, Any] = {"color": colours[method], "marker": "o" if method == RANDOM else "D", "linewidth": 0}
        axis.scatter(points["accuracy"], [y] * len(points), 14, alpha=0.85, zorder=3, **dots)


def _cloud(axis: Axes, accuracies: pd.Series, y: int, top: int) -> None:
    """Quartiles as a box over the whole range as a line; the mean reaches up to the lane `top`."""
    low, q1, q3, high = accuracies.quantile([0, 0.25, 0.75, 1])
    axis.plot([low, high], [y, y], color="0.7", linewidth=0.8)
    axis.fill_between([q1, q3], y - 0.35, y + 0.35, color="0.88", linewidth=0)
    axis.plot([accuracies.mean()] * 2, [top - 0.4, y + 0.4], color="0.3", linewidth=0.9, zorder=2)
