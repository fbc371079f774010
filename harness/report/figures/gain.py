"""Figures that answer whether a method is better than random: forests, distributions, ranks, cost against gain."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.ranking import cliques
from harness.plan.jobs import RANDOM
from harness.report import typeset
from harness.report.figures import style
from harness.report.figures.style import Colours

FOREST = ["dataset", "space", "method", "value", "low", "high", "filled"]


def forest(table: pd.DataFrame, colours: Colours, xlabel: str, filled: str = "", hollow: str = "") -> Figure:
    """One panel a dataset, one line a method: an effect in percent with its interval, as a mark and in digits.
    `filled` and `hollow` say what such marks mean."""
    table = table.assign(label=[style.label(row.method, row.space) for row in table.itertuples()])
    groups = [group for _, group in table.groupby("dataset")]
    pitch, columns = style.pitch(table["label"]), 1 if len(table) <= 30 else 2
    rows = [groups[i : i + columns] for i in range(0, len(groups), columns)]
    heights = [max(map(len, row)) * pitch + 0.25 for row in rows]
    width = columns * (style.inches(table["label"]) + 2.5)
    figure, axes = plt.subplots(
        len(rows), columns, figsize=(width, sum(heights) + 0.5), squeeze=False, height_ratios=heights, sharex=True
    )
    limit = style.reach(table["value"], table["low"], table["high"])
    for axis, group in zip(axes.flat, groups):
        _forest_panel(axis, group, colours, limit)
    for axis in axes.flat[len(groups) :]:
        axis.remove()
    for axis in axes.flat[max(0, len(groups) - columns) : len(groups)]:
        axis.set_xlabel(xlabel)
        axis.xaxis.set_tick_params(labelbottom=True)
    if filled:
        style.legend(figure, [style.entry(filled, "0.3"), style.entry(hollow, "0.3", markerfacecolor="white")])
    return figure


def _forest_panel(axis: Axes, group: pd.DataFrame, colours: Colours, limit: float) -> None:
    for y, row in enumerate(group.itertuples()):
        colour = colours[row.method]
        low, high = max(row.low, -limit), min(row.high, limit)
        axis.plot([low, high], [y, y], color=colour, linewidth=1.5)
        for x, marker, cut in ((-limit, "<", row.low < -limit), (limit, ">", row.high > limit)):
            if cut:
                axis.plot(x, y, marker, color=colour, markersize=5, clip_on=False)
        axis.plot(row.value, y, "o", color=colour, markerfacecolor=colour if row.filled else "white", markersize=5)
        text = f"{typeset.number(row.value, 1, sign=True)} {typeset.interval(row.low, row.high, 1)}"
        axis.text(1.02, y, text, transform=axis.get_yaxis_transform(), va="center", fontsize=7)
    style.zero_line(axis)
    axis.set(yticks=range(len(group)), yticklabels=group["label"], ylim=(len(group) - 0.4, -0.6))
    axis.set(xlim=(-limit * 1.05, limit * 1.05))
    axis.set_title(style.fold(group["dataset"].iloc[0]))
    axis.grid(axis="y", visible=False)


def improvement_forest(table: pd.DataFrame, colours: Colours) -> Figure:
    rows = table.rename(columns={"ri": "value", "ri_low": "low", "ri_high": "high"})
    rows = rows.assign(filled=rows["verdict"].isin(["better", "worse"])).dropna(subset=["value"])[FOREST]
    return forest(rows, colours, "relative improvement, %", "told from random", "not told from random")


def cost_matched(table: pd.DataFrame, colours: Colours) -> Figure:
    rows = table.rename(columns={"gain": "value", "gain_low": "low", "gain_high": "high"})
    return forest(rows.assign(filled=True)[FOREST], colours, "gain over random search, %")


def random_distribution(runs: pd.DataFrame, colours: Colours) -> Figure:
    """One panel a dataset, one lane a method and one for the random architectures of each space; a line joins their
    mean with the methods that are compared with it."""
    pairs = runs[["space", "method"]].drop_duplicates().sort_values(["space", "method"], key=_random_last)
    lanes = {(row.space, row.method): i for i, row in enumerate(pairs.itertuples())}
    names = [style.label("random" if m == RANDOM else m, s) for s, m in lanes]
    pitch = style.pitch(names)
    groups = [group for _, group in runs.groupby("dataset")]
    figure, axes = style.panels(len(groups), pitch * len(lanes) + 0.55, 1.8, style.inches(names), sharey=True)
    for axis, group in zip(axes, groups):
        for (space, method), points in group.groupby(["space", "method"]):
            y = lanes[space, method]
            if method == RANDOM:
                _cloud(axis, points["accuracy"], y, min(lanes[pair] for pair in lanes if pair[0] == space))
            dots = {"color": colours[method], "marker": "o" if method == RANDOM else "D", "linewidth": 0}
            axis.scatter(points["accuracy"], [y] * len(points), 14, alpha=0.85, zorder=3, **dots)
        axis.set(xlabel="test accuracy, %", title=style.fold(group["dataset"].iloc[0]))
        axis.set(yticks=range(len(lanes)), yticklabels=names, ylim=(len(lanes) - 0.4, -0.6))
        axis.grid(axis="y", visible=False)
    return figure


def _random_last(column: pd.Series) -> pd.Series:
    return column.replace(RANDOM, "\uffff") if column.name == "method" else column


def _cloud(axis: Axes, accuracies: pd.Series, y: int, top: int) -> None:
    """Quartiles as a box over the whole range as a line; the mean reaches up to the lane `top`."""
    low, q1, q3, high = accuracies.quantile([0, 0.25, 0.75, 1])
    axis.plot([low, high], [y, y], color="0.7", linewidth=0.8)
    axis.fill_between([q1, q3], y - 0.35, y + 0.35, color="0.88", linewidth=0)
    axis.plot([accuracies.mean()] * 2, [top - 0.4, y + 0.4], color="0.3", linewidth=0.9, zorder=2)


def critical_difference(ranks: pd.DataFrame, colours: Colours) -> Figure:
    """Average ranks, best on top, with bootstrap intervals; bars at the right join what Nemenyi's test cannot tell
    apart, and the line on top is as long as the critical difference."""
    labels = [style.label(row.method, row.space) if row.method != RANDOM else "random" for row in ranks.itertuples()]
    height = style.pitch(labels)
    figure, axis = plt.subplots(figsize=(max(style.COLUMN, style.inches(labels) + 2.2), height * len(ranks) + 0.9))
    for y, row in enumerate(ranks.itertuples()):
        axis.plot([row.rank_low, row.rank_high], [y, y], color=colours[row.method], linewidth=1.5)
        axis.plot(row.rank, y, "o" if row.method == RANDOM else "D", color=colours[row.method], markersize=5)
    difference = ranks["difference"].iloc[0]
    if not math.isnan(difference):
        for i, (first, last) in enumerate(cliques(ranks["rank"], difference)):
            x = len(ranks) + 0.35 + 0.22 * i
            axis.plot([x, x], [first - 0.25, last + 0.25], color="0.2", linewidth=2.5, solid_capstyle="butt")
        middle = (1 + len(ranks)) / 2
        axis.errorbar(middle, -1.1, xerr=difference / 2, color="0.2", linewidth=1, capsize=3)
        axis.text(middle, -1.25, f"critical difference {difference:.2f}", ha="center", va="bottom", fontsize=7)
    axis.set(
        yticks=range(len(ranks)), yticklabels=labels, ylim=(len(ranks) - 0.4, -2.3), xlabel="average rank, 1 is best"
    )
    axis.set(xticks=range(1, len(ranks) + 1, max(1, len(ranks) // 6)), xlim=(0.6, None))
    said, count = typeset.probability(ranks["p_friedman"].iloc[0]), ranks["datasets"].iloc[0]
    tested = f"{count} datasets, Friedman p {said if said[0] == '<' else f'= {said}'}"
    axis.set_title(tested if count > 1 else "1 dataset: ranks without a test")
    axis.grid(axis="y", visible=False)
    return figure


def cost_gain(table: pd.DataFrame, colours: Colours) -> Figure:
    """One panel a dataset: what a search cost, in trainings from scratch, against what its architectures gained."""
    groups = [group for _, group in table.groupby("dataset")]
    figure, axes = style.panels(len(groups), 1.5, 1.8, 0.4, sharex=True, sharey=True)
    limit = style.reach(table["ri"], table["ri_low"], table["ri_high"])
    for axis, group in zip(axes, groups):
        for row in group.itertuples():
            ends = np.clip([[row.ri_low], [row.ri_high]], -limit, limit)
            bar = {"color": colours[row.method], "linewidth": 1.2}
            axis.plot([row.retrainings] * 2, ends.ravel(), **bar)
            told = row.verdict in ("better", "worse")
            axis.plot(
                row.retrainings, row.ri, "D", markersize=4.5, markerfacecolor=bar["color"] if told else "white", **bar
            )
        style.zero_line(axis, vertical=False)
        axis.set(title=style.fold(group["dataset"].iloc[0]), ylim=(-1.05 * limit, 1.05 * limit))
        if table["retrainings"].max() > 10 * table["retrainings"].min() > 0:
            axis.set_xscale("log")
        else:
            axis.set_xlim(0, 1.1 * table["retrainings"].max())
    style.outer_labels(axes, "search cost, in trainings", "improvement, %")
    style.legend(figure, [style.entry(style.fold(n, 40), c, "D") for n, c in style.shown(table, colours)])
    return figure
