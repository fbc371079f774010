"""Figures of single runs: depths, sizes, curves."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, MaxNLocator, NullLocator

from harness.analysis import summaries
from harness.plan.jobs import RANDOM
from harness.report.figures import style
from harness.report.figures.style import GREY, MARKERS, Colours

WATCHED = ["val_accuracy", "reward", "train_accuracy"]
"""What a search is watched by: the first of these that it logged. A reward is the validation accuracy of samples."""
DEPTHS = [*summaries.PLACE, "cells_small", "cells_large"]


def depth_gap(gap: pd.DataFrame) -> Figure:
    """One panel a dataset and space: rank agreement of random architectures between depths, below it their ceilings."""
    groups = list(gap.groupby(summaries.PLACE))
    rows = [_agreements(group) for _, group in groups]
    labels = [label for row in rows for label, *_ in row]
    height = 0.2 * max(map(len, rows)) + 0.6
    figure, axes = style.panels(len(groups), height, 1.9, style.inches(labels))
    for axis, (names, _), row in zip(axes, groups, rows):
        for y, (_, tau, low, high, ceiling) in enumerate(row):
            colour = GREY if ceiling else style.PALETTE[0]
            axis.plot([low, high], [y, y], color=colour, linewidth=1.5)
            axis.plot(tau, y, "s" if ceiling else "o", color=colour, markersize=5)
        style.zero_line(axis)
        axis.set(yticks=range(len(row)), yticklabels=[label for label, *_ in row], ylim=(len(row) - 0.4, -0.6))
        axis.set(xlim=(-1.05, 1.05), xlabel="Kendall's τ", title=style.fold(f"{names[0]}, space {names[1]}"))
        axis.grid(axis="y", visible=False)
    entries = [style.entry("two depths", style.PALETTE[0])]
    if any(ceiling for row in rows for *_, ceiling in row):
        entries.append(style.entry("ceiling: two seeds", GREY, "s"))
    style.legend(figure, entries)
    return figure


def _agreements(group: pd.DataFrame) -> list[tuple[str, float, float, float, bool]]:
    """(label, tau, low, high, whether it is a ceiling): every pair of depths, then every depth that was repeated."""
    pairs = [
        (f"{r.cells_small} and {r.cells_large} cells", r.tau, r.tau_low, r.tau_high, False) for r in group.itertuples()
    ]
    depths: dict[int, tuple[float, ...]] = {}
    for r in group.itertuples():
        depths[r.cells_small] = (r.ceiling_small, r.ceiling_small_low, r.ceiling_small_high)
        depths[r.cells_large] = (r.ceiling_large, r.ceiling_large_low, r.ceiling_large_high)
    ceilings = [
        (f"{cells} cells, twice", *said, True) for cells, said in sorted(depths.items()) if not pd.isna(said[0])
    ]
    return [*pairs, *ceilings]


def depth_points(points: pd.DataFrame, colours: Colours) -> Figure:
    """One panel a dataset, space and pair of depths: architectures at both depths; above the dashed line depth pays."""
    groups = list(points.groupby(DEPTHS))
    figure, axes = style.panels(len(groups), 1.9, 2.1)
    for axis, ((dataset, space, small, large), group) in zip(axes, groups):
        for method, of_method in group.groupby("method"):
            marker = "o" if method == RANDOM else "D"
            dots = {"color": colours[method], "marker": marker, "linewidth": 0, "alpha": 0.85}
            axis.scatter(of_method["accuracy_small"], of_method["accuracy_large"], s=16, **dots)
        axis.axline((group["accuracy_small"].mean(),) * 2, slope=1, color="0.3", linewidth=0.8, linestyle="--")
        axis.set(xlabel=f"accuracy with {small} cells, %", ylabel=f"with {large} cells, %")
        axis.set_title(style.fold(f"{dataset}, space {space}"))
    marks = [style.entry("random", GREY)] + [style.entry(n, c, "D") for n, c in style.shown(points, colours)]
    style.legend(figure, marks)
    return figure


def watched(curves: pd.DataFrame) -> pd.DataFrame:
    """The one curve of each search that says how its weight-sharing network validates, in percent."""
    known = curves[curves["metric"].isin(WATCHED)]
    order = known["metric"].map(WATCHED.index)
    best = order.groupby([known[name] for name in (*summaries.CELL, "seed")]).transform("min")
    return known[order == best].assign(value=100 * known["value"])


def search_curves(curves: pd.DataFrame, colours: Colours) -> Figure:
    """One panel a dataset: thin lines are searches, the thick one of the same colour is a method's mean."""
    groups = [group for _, group in curves.groupby("dataset")]
    figure, axes = style.panels(len(groups), 1.6, sharex=True)
    for axis, group in zip(axes, groups):
        for (method, _), lines in group.groupby(["method", "space"]):
            colour = colours[method]
            for _, line in lines.groupby("seed"):
                axis.plot(line["epoch"] + 1, line["value"], color=colour, linewidth=0.6, alpha=0.6)
            mean = lines.groupby("epoch")["value"].mean()
            few = "o" if len(mean) < 12 else ""
            axis.plot(mean.index + 1, mean, color=colour, linewidth=1.8, marker=few, markersize=3)
        axis.set_title(style.fold(group["dataset"].iloc[0]))
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    style.outer_labels(axes, "epoch of the search", "validation accuracy, %")
    metric = curves.groupby("method")["metric"].first().map(lambda name: "" if name == WATCHED[0] else f" ({name})")
    said = {n: f"{n}{metric[n]}" for n, _ in style.shown(curves, colours)}
    entries = [style.entry(style.fold(text, 40), colours[n], "", linestyle="-") for n, text in said.items()]
    style.legend(figure, entries)
    return figure


def accuracy_macs(runs: pd.DataFrame, colours: Colours) -> Figure:
    """One panel a dataset: accuracy against multiply-adds; the marker is the space, random architectures are grey."""
    spaces = sorted(runs["space"].unique())
    shape = {space: MARKERS[i % len(MARKERS)] for i, space in enumerate(spaces)}
    groups = [group for _, group in runs.groupby("dataset")]
    figure, axes = style.panels(len(groups), 1.8, 2.1)
    for axis, group in zip(axes, groups):
        found = sorted(group.groupby(["method", "space"]), key=lambda pair: pair[0][0] != RANDOM)
        for (method, space), points in found:
            dots = {"color": colours[method], "marker": shape[space], "linewidth": 0, "alpha": 0.8}
            axis.scatter(points["macs"], points["accuracy"], s=12 if method == RANDOM else 22, **dots)
        axis.set(title=style.fold(group["dataset"].iloc[0]))
        _log_ticks(axis, group["macs"])
    style.outer_labels(axes, "multiply-adds for one image", "test accuracy, %")
    entries = [style.entry(f"random in {space}", GREY, shape[space]) for space in spaces]
    pairs = runs[runs["method"] != RANDOM][["method", "space"]].drop_duplicates().sort_values(["method", "space"])
    entries += [
        style.entry(style.label(r.method, r.space), colours[r.method], shape[r.space]) for r in pairs.itertuples()
    ]
    style.legend(figure, entries)
    return figure


def _log_ticks(axis: Axes, values: pd.Series) -> None:
    axis.set_xscale("log")
    span = values.max() / values.min()
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7) if span < 8 else (1, 2, 5) if span < 99 else (1,)))
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    axis.xaxis.set_minor_locator(NullLocator())
