"""How the weight-sharing network validated, epoch by epoch."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from harness.analysis.analysis import Analysis
from harness.analysis.columns import RUN
from harness.report.figures import style
from harness.report.figures.style import Colours
from harness.report.typeset import fold

WATCHED = ["val_accuracy", "reward", "train_accuracy"]
"""What a search is watched by: the first of these that it logged. A reward is the validation accuracy of samples."""


def data(analysis: Analysis) -> pd.DataFrame:
    """The curve of each search that it is watched by, in percent."""
    curves = analysis.results.curves
    known = curves[curves["metric"].isin(WATCHED)]
    order = known["metric"].map(WATCHED.index)
    best = order.groupby([known[name] for name in RUN]).transform("min")
    return known[order == best].assign(value=100 * known["value"])


def draw(data: pd.DataFrame, colours: Colours) -> Figure:
    """One panel per dataset: thin lines are searches, the thick one of the same colour is a method's mean."""
    groups = [group for _, group in data.groupby("dataset")]
    figure, axes = style.panels(len(groups), 1.6, sharex=True)
    for axis, group in zip(axes, groups):
        _panel(axis, group, colours)
    style.outer_labels(axes, "epoch of the search", "validation accuracy, %")
    metric = data.groupby("method")["metric"].first().map(lambda name: "" if name == WATCHED[0] else f" ({name})")
    labels = {name: fold(f"{name}{metric[name]}", 40) for name, _ in style.shown(data, colours)}
    style.legend(figure, [style.entry(text, colours[name], "", linestyle="-") for name, text in labels.items()])
    return figure


def _panel(axis: Axes, group: pd.DataFrame, colours: Colours) -> None:
    for (method, _), lines in group.groupby(["method", "space"]):
        for _, line in lines.groupby("seed"):
            axis.plot(line["epoch"] + 1, line["value"], color=colours[method], linewidth=0.6, alpha=0.6)
        mean = lines.groupby("epoch")["value"].mean()
        few = "o" if len(mean) < 12 else ""
        axis.plot(mean.index + 1, mean, color=colours[method], linewidth=1.8, marker=few, markersize=3)
    axis.set_title(fold(group["dataset"].iloc[0]))
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
