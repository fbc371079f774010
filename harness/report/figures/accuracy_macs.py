"""Accuracy against the size of the network."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

from harness.analysis.analysis import Analysis
from harness.analysis.columns import RUN
from harness.plan import titles
from harness.plan.jobs import RANDOM
from harness.report.figures import style
from harness.report.figures.style import GREY, MARKERS, Colours


def data(analysis: Analysis) -> pd.DataFrame:
    return analysis.finished_runs.dropna(subset=["macs"])[[*RUN, "macs", "accuracy"]].astype({"macs": float})


def draw(data: pd.DataFrame, colours: Colours) -> Figure:
    """One panel per dataset: accuracy against multiply-adds; the marker is the space, random architectures are grey."""
    markers = {space: MARKERS[i % len(MARKERS)] for i, space in enumerate(sorted(data["space"].unique()))}
    groups = [group for _, group in data.groupby("dataset")]
    figure, axes = style.panels(len(groups), 1.8, 2.1)
    for axis, group in zip(axes, groups):
        random_first = sorted(group.groupby(["method", "space"]), key=lambda pair: pair[0][0] != RANDOM)
        for (method, space), points in random_first:
            look = _look(str(method), str(space), colours, markers)
            axis.plot(
                points["macs"], points["accuracy"], markersize=3.5 if method == RANDOM else 4.7, alpha=0.8, **look
            )
        style.head(axis, style.place(group["dataset"].iloc[0]), f"n = {len(group)}")
        _log_ticks(axis, group["macs"])
    style.outer_labels(axes, "multiply-adds for one image", "test accuracy, %")
    style.legend(figure, _entries(data, colours, markers))
    return figure


def _look(method: str, space: str, colours: Colours, markers: dict[str, str]) -> dict[str, Any]:
    """Methods beyond the first, who have their colours too, are hollow, or filled by half."""
    fill = style.FILLS[style.turn(method, colours) % len(style.FILLS)]
    edge = 0.0 if fill == "full" else 0.9
    common = {"linestyle": "", "markerfacecoloralt": "white", "markeredgewidth": edge}
    return {"color": colours[method], "marker": markers[space], "fillstyle": fill, **common}


def _entries(data: pd.DataFrame, colours: Colours, markers: dict[str, str]) -> list[Line2D]:
    random = [style.entry(titles.random_in(space), GREY, marker) for space, marker in markers.items()]
    pairs = data[data["method"] != RANDOM][["method", "space"]].drop_duplicates().sort_values(["method", "space"])
    return random + [
        style.entry(style.label(row.method, row.space), **_look(row.method, row.space, colours, markers))
        for row in pairs.itertuples()
    ]


def _log_ticks(axis: Axes, values: pd.Series) -> None:
    axis.set_xscale("log")
    span = values.max() / values.min()
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7) if span < 8 else (1, 2, 5) if span < 99 else (1,)))
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    axis.xaxis.set_minor_locator(NullLocator())
