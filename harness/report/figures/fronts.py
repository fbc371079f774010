"""Fronts of accuracy against multiply-adds."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from harness.analysis.analysis import Analysis
from harness.report.figures import style
from harness.report.figures.style import GREY, Colours
from harness.report.typeset import fold


def data(analysis: Analysis) -> pd.DataFrame:
    return analysis.front_points


def draw(data: pd.DataFrame, colours: Colours) -> Figure:
    """One panel per dataset and space: the front of each method as a stair, random architectures in grey, and dashed
    the reference of the hypervolume."""
    groups = [group for _, group in data.groupby(["dataset", "space"])]
    figure, axes = style.panels(len(groups), 1.8, 2.1)
    for axis, group in zip(axes, groups):
        _panel(axis, group, colours)
    style.outer_labels(axes, "multiply-adds for one image", "test accuracy, %")
    lines = [style.entry(fold(name, 40), colour, linestyle="-") for name, colour in style.shown(data, colours)]
    style.legend(figure, [style.entry("random architectures", GREY), *lines])
    return figure


def _panel(axis: Axes, group: pd.DataFrame, colours: Colours) -> None:
    kinds: dict[str, pd.DataFrame] = dict(iter(group.groupby("kind")))
    random, reference = kinds["random"], kinds["reference"].iloc[0]
    axis.scatter(random["macs"], random["accuracy"], s=8, color=GREY, alpha=0.5, linewidth=0)
    for method, line in kinds.get("front", group.iloc[:0]).groupby("method"):
        axis.plot(
            line["macs"], line["accuracy"], color=colours[str(method)], drawstyle="steps-post", marker="o", markersize=3
        )
    axis.axhline(reference["accuracy"], color="0.3", linestyle="--", linewidth=0.8)
    axis.axvline(reference["macs"], color="0.3", linestyle="--", linewidth=0.8)
    accuracies = group["accuracy"]
    low = min(reference["accuracy"], kinds.get("front", random)["accuracy"].min())  # broken ones lie far below
    axis.set_ylim(low - 0.1 * (accuracies.max() - low + 1e-6), accuracies.max() + 0.1 * (accuracies.max() - low + 1e-6))
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    axis.set_title(fold(f"{group['dataset'].iloc[0]}, {group['space'].iloc[0]}"))
