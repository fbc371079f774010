"""Effects with their intervals, one line per method: what the figures `methods`, `ri` and `cost_matched` have in
common."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.report import typeset
from harness.report.figures import style
from harness.report.figures.style import Colours


def forest(table: pd.DataFrame, colours: Colours, xlabel: str, filled: str = "", hollow: str = "") -> Figure:
    """One panel per dataset, one line per method: an effect in percent with its interval, as a mark and in digits.

    table: dataset, space, method, value, low, high, n_method, n_random, and filled, which kind of mark; `filled` and
    `hollow` say in the legend what the two kinds mean.
    """
    table = table.assign(label=[style.label(row.method, row.space) for row in table.itertuples()])
    table["head"] = table["dataset"].map(style.place)
    groups = [group for _, group in table.groupby("dataset")]
    columns = 1 if len(table) <= 30 else 2
    figure, axes = _panels(groups, columns, table["label"])
    limit = style.reach(table["value"], table["low"], table["high"])
    for axis, group in zip(axes, groups):
        _panel(axis, group, colours, limit)
    for axis in axes[max(0, len(groups) - columns) :]:
        axis.set_xlabel(xlabel)
        axis.xaxis.set_tick_params(labelbottom=True)
    if filled:
        entries = [style.entry(filled, "0.3"), style.entry(hollow, "0.3", markerfacecolor="white")]
        style.legend(figure, entries + style.cut_entry(axes))
    return figure


def _panels(groups: list[pd.DataFrame], columns: int, labels: pd.Series) -> tuple[Figure, list[Axes]]:
    """A panel per group, each row of them as high as its longest group needs."""
    style.check_panels(len(groups))
    rows = [groups[i : i + columns] for i in range(0, len(groups), columns)]
    heights = [max(map(len, row)) * style.pitch(labels) + 0.25 for row in rows]
    size = columns * (style.inches(labels) + 2.5), sum(heights) + 0.5
    figure, axes = plt.subplots(len(rows), columns, figsize=size, squeeze=False, height_ratios=heights, sharex=True)
    for axis in axes.flat[len(groups) :]:
        axis.remove()
    return figure, list(axes.flat[: len(groups)])


def _panel(axis: Axes, group: pd.DataFrame, colours: Colours, limit: float) -> None:
    aside: dict[str, Any] = {"xycoords": axis.get_yaxis_transform(), "textcoords": "offset points", "va": "center"}
    for y, row in enumerate(group.itertuples()):
        colour = colours[row.method]
        axis.plot([max(row.low, -limit), min(row.high, limit)], [y, y], color=colour, linewidth=1.5)
        for x, cut in ((-limit, row.low < -limit), (limit, row.high > limit)):
            if cut:
                style.arrow(axis, x, y, colour)
        axis.plot(row.value, y, "o", color=colour, markerfacecolor=colour if row.filled else "white", markersize=5)
        text = f"{typeset.number(row.value, 1, sign=True)} {typeset.interval(row.low, row.high, 1)}"
        axis.annotate(text, (1, y), (6, 0), fontsize=7, **aside)
    style.zero_line(axis)
    axis.set(yticks=range(len(group)), yticklabels=group["label"], ylim=(len(group) - 0.4, -0.6))
    axis.set(xlim=(-limit, limit))
    style.head(axis, group["head"].iloc[0], style.against(group["n_method"], group["n_random"]), 2.7)
    axis.grid(axis="y", visible=False)
