"""How much weight skip connections and `none` have, epoch by epoch."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from harness.analysis.analysis import Analysis
from harness.plan import titles
from harness.report.figures import style
from harness.report.figures.style import Colours
from harness.report.typeset import from_to

LINES = {"skip": "-", "none": ":"}


def data(analysis: Analysis) -> pd.DataFrame:
    """Both shares of every search, 0 to 1."""
    course = analysis.collapse_course
    return course[course["quantity"].isin(LINES)]


def draw(data: pd.DataFrame, colours: Colours) -> Figure:
    """One panel per dataset and space; a line is the mean of a method's searches."""
    groups = [group for _, group in data.groupby(["dataset", "space"])]
    figure, axes = style.panels(len(groups), 1.8)
    for axis, group in zip(axes, groups):
        _panel(axis, group, colours)
    style.outer_labels(axes, "epoch of the search", "mean weight")
    kinds = [name for name in LINES if name in set(data["quantity"])]
    entries = [style.entry(name, "0.3", "", linestyle=LINES[name]) for name in kinds]
    for name in style.shown(data):
        look: dict[str, Any] = {"marker": style.mark_look(name, colours)["marker"], "markersize": 3, "linestyle": "-"}
        entries.append(style.entry(titles.method(name), colours[name], **look))
    style.legend(figure, entries)
    return figure


def _panel(axis: Axes, group: pd.DataFrame, colours: Colours) -> None:
    for (method, quantity), lines in group.groupby(["method", "quantity"]):
        mean = lines.groupby("epoch")["value"].mean()
        look: dict[str, Any] = {"linestyle": LINES[quantity], "linewidth": 1.4, **style.mark_look(method, colours)}
        axis.plot(mean.index + 1, mean, markersize=3, markevery=max(1, len(mean) // 8), **look)
    axis.set_ylim(-0.02, 1.02)
    searches = group.groupby("method")["seed"].nunique()
    style.head(axis, style.place(group["dataset"].iloc[0], group["space"].iloc[0]), f"n = {from_to(searches)}")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
