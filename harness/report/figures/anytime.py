"""What the best so far is worth, by the number of evaluations."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.analysis import Analysis
from harness.plan import titles
from harness.report.figures import style
from harness.report.figures.style import Colours
from harness.report.typeset import from_to


def data(analysis: Analysis) -> pd.DataFrame:
    """In percent."""
    frame = analysis.anytime
    columns = ["mean", "low", "high", "random_search", "regret"]
    return frame.assign(**{name: 100 * frame[name].astype(float) for name in columns})


def draw(data: pd.DataFrame, colours: Colours) -> Figure:
    """One panel per dataset and space: a line with its interval per method, and dashed the expectation of random
    search."""
    groups = [group for _, group in data.groupby(["dataset", "space"])]
    figure, axes = style.panels(len(groups), 1.8)
    for axis, group in zip(axes, groups):
        _panel(axis, group, colours)
    style.outer_labels(axes, "evaluations", f"{data['judged'].iloc[0]} accuracy, %")
    entries = [style.entry(titles.method(n), marker="", **style.line_look(n, colours)) for n in style.shown(data)]
    if data["random_search"].notna().any():
        entries.append(style.entry("random search, expected", "0.3", "", linestyle="--"))
    style.legend(figure, entries)
    return figure


def _panel(axis: Axes, group: pd.DataFrame, colours: Colours) -> None:
    for method, line in group.groupby("method"):
        axis.plot(line["evaluations"], line["mean"], linewidth=1.2, **style.line_look(str(method), colours))
        axis.fill_between(
            line["evaluations"], line["low"], line["high"], color=colours[str(method)], alpha=0.2, linewidth=0
        )
    expected = group.drop_duplicates("evaluations").sort_values("evaluations")
    axis.plot(expected["evaluations"], expected["random_search"], color="0.3", linestyle="--", linewidth=1)
    axis.set_xscale("log")
    shown = group.loc[group["evaluations"] > 1, "mean"]
    if len(shown):  # one random architecture lies far below
        axis.set_ylim(bottom=shown.min() - 0.3 * (shown.max() - shown.min() + 1e-6))
    style.head(axis, style.place(group["dataset"].iloc[0], group["space"].iloc[0]), f"n = {from_to(group['n'])}")
