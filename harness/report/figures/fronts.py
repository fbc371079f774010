"""Fronts of accuracy against multiply-adds."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from harness.analysis.analysis import Analysis
from harness.analysis.columns import GROUP
from harness.plan import titles
from harness.report.figures import style
from harness.report.figures.style import GREY, Colours
from harness.report.typeset import from_to


def data(analysis: Analysis) -> pd.DataFrame:
    """`n`: runs of a method."""
    return analysis.front_points.merge(analysis.fronts[[*GROUP, "n"]], on=GROUP, how="left")


def draw(data: pd.DataFrame, colours: Colours) -> Figure:
    """One panel per dataset and space: the front of each method as a stair, random architectures in grey, and dashed
    the reference of the hypervolume."""
    groups = [group for _, group in data.groupby(["dataset", "space"])]
    figure, axes = style.panels(len(groups), 1.8, 2.1)
    for axis, group in zip(axes, groups):
        _panel(axis, group, colours)
    style.outer_labels(axes, "multiply-adds for one image", "test accuracy, %")
    lines = [style.entry(titles.method(name), **_look(name, colours)) for name in style.shown(data)]
    reference = style.entry("reference of the hypervolume", "0.3", "", linestyle="--")
    style.legend(figure, [style.entry("random architectures", GREY), *lines, reference])
    return figure


def _panel(axis: Axes, group: pd.DataFrame, colours: Colours) -> None:
    kinds: dict[str, pd.DataFrame] = dict(iter(group.groupby("kind")))
    random, reference = kinds["random"], kinds["reference"].iloc[0]
    axis.scatter(random["macs"], random["accuracy"], s=8, color=GREY, alpha=0.5, linewidth=0)
    for method, line in kinds.get("front", group.iloc[:0]).groupby("method"):
        stair: dict[str, Any] = {"drawstyle": "steps-post", "markersize": 3}
        axis.plot(line["macs"], line["accuracy"], **_look(str(method), colours), **stair)
    axis.axhline(reference["accuracy"], color="0.3", linestyle="--", linewidth=0.8)
    axis.axvline(reference["macs"], color="0.3", linestyle="--", linewidth=0.8)
    accuracies = group["accuracy"]
    low = min(reference["accuracy"], kinds.get("front", random)["accuracy"].min())  # broken ones lie far below
    axis.set_ylim(low - 0.1 * (accuracies.max() - low + 1e-6), accuracies.max() + 0.1 * (accuracies.max() - low + 1e-6))
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    found = group.loc[group["kind"] == "front", "n"].astype(int)
    said = f"n = {from_to(found)} vs {len(random)} random" if len(found) else f"n = {len(random)} random"
    style.head(axis, style.place(group["dataset"].iloc[0], group["space"].iloc[0]), said)


def _look(method: str, colours: Colours) -> dict[str, Any]:
    return style.line_look(method, colours) | style.mark_look(method, colours)
