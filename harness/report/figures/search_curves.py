"""How the weight-sharing network did, epoch by epoch."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from harness.analysis.analysis import Analysis
from harness.analysis.columns import RUN
from harness.analysis.searched import chance
from harness.plan import titles
from harness.report.figures import style
from harness.report.figures.style import Colours
from harness.report.typeset import from_to

WATCHED = {"val_accuracy": "validation", "reward": "rewards, validation", "train_accuracy": "training"}
"""What a search is watched by, the first of these that it logged, and which images that is of."""
MIXTURES = frozenset(
    {
        *("autoshrink", "darts", "darts_minus", "darts_second_order", "fair_darts", "fbnet", "p_darts", "pc_darts"),
        *("robust_darts", "snas", "squeezenas", "stacnas"),
    }
)
"""Methods that log the accuracy of a network in which several candidates of a place are added up."""
PATHS = frozenset({"cnas", "enas", "gdas", "manas", "proxyless", "random_paths", "single_path", "spos"})
"""Methods that log that of single architectures: sampled ones, or the one that the search would choose now."""
KINDS = {**dict.fromkeys(MIXTURES, "mixtures"), **dict.fromkeys(PATHS, "single paths")}


def data(analysis: Analysis) -> pd.DataFrame:
    """The curve of each search that it is watched by, in percent; `of`: mixtures or single paths, where it is known;
    `chance`: what guessing gives, of a dataset whose classes are known."""
    curves = analysis.results.curves
    known = curves[curves["metric"].isin(WATCHED)]
    order = known["metric"].map([*WATCHED].index)
    best = order.groupby([known[name] for name in RUN]).transform("min")
    kept = known[order == best]
    of, guess = kept["method"].map(KINDS).fillna("as logged"), kept["dataset"].map(chance).astype(float)
    return kept.assign(value=100 * kept["value"], of=of, chance=guess)


def draw(data: pd.DataFrame, colours: Colours) -> Figure:
    """One panel per dataset and kind of network that is measured, because a mixture and a single path of the same
    weights have different accuracies: thin lines are searches, the thick one of the same colour is a method's mean."""
    groups = list(data.groupby(["dataset", "of", "metric"]))
    kinds = len(data[["of", "metric"]].drop_duplicates())  # one a column, where they are two or three
    figure, axes = style.panels(len(groups), 1.6, 6.5 / kinds if kinds in (2, 3) else 1.8, sharex=True)
    for axis, ((dataset, of, metric), group) in zip(axes, groups):
        _panel(axis, group, colours)
        n = from_to(group.groupby("method")["seed"].nunique())
        style.head(axis, f"{style.place(dataset)}: {of}", f"n = {n}" if metric == "val_accuracy" else _said(metric, n))
    same = set(data["metric"]) == {"val_accuracy"}
    style.outer_labels(axes, "epoch of the search", "validation accuracy, %" if same else "accuracy, %")
    entries = [style.entry(titles.method(n), marker="", **style.line_look(n, colours)) for n in style.shown(data)]
    if data["chance"].notna().any():
        entries.append(style.entry("chance", **CHANCE))
    style.legend(figure, entries)
    return figure


CHANCE: dict[str, Any] = {"color": "0.3", "linestyle": (0, (1, 1.5)), "linewidth": 1.2, "marker": ""}


def _said(metric: str, n: str) -> str:
    return f"{WATCHED[metric]} images, n = {n}"


def _panel(axis: Axes, group: pd.DataFrame, colours: Colours) -> None:
    for (method, _), lines in group.groupby(["method", "space"]):
        look = style.line_look(method, colours)
        for _, line in lines.groupby("seed"):
            axis.plot(line["epoch"] + 1, line["value"], linewidth=0.6, alpha=0.6, **look)
        mean = lines.groupby("epoch")["value"].mean()
        few = "o" if len(mean) < 12 else ""
        axis.plot(mean.index + 1, mean, linewidth=1.8, marker=few, markersize=3, **look)
    if group["chance"].notna().any():
        axis.axhline(group["chance"].iloc[0], **{name: CHANCE[name] for name in ("color", "linestyle", "linewidth")})
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
