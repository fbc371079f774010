"""How well proxies rank the random architectures."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.analysis import Analysis
from harness.analysis.columns import BASELINE
from harness.analysis.proxies import CONTROL
from harness.report.figures import style
from harness.report.figures.style import Colours
from harness.report.typeset import from_to

ALL, TOP = "#0173b2", "#de8f05"
"""Of the style's palette: all architectures, and the tenth that is best."""


def data(analysis: Analysis) -> pd.DataFrame:
    return analysis.proxies


def draw(data: pd.DataFrame, colours: Colours) -> Figure:
    """One panel per dataset and space: Spearman's correlation of each proxy, with its interval."""
    groups = [group for _, group in data.groupby(BASELINE)]
    rows = max(map(len, groups))
    label = style.inches(data["proxy"])
    figure, axes = style.panels(len(groups), 0.3 + 0.17 * rows, 1.6 + label, label, sharex=True)
    for axis, group in zip(axes, groups):
        _panel(axis, group)
    style.outer_labels(axes, "Spearman", "")
    entries = [style.entry("all", ALL), style.entry("top decile", TOP, "D")]
    entries.append(style.entry(f"{CONTROL}, all", "0.3", "", linestyle="--"))
    if data["ceiling"].notna().any():
        entries.append(style.entry("a second training", "0.3", "", linestyle=":"))
    style.legend(figure, entries)
    return figure


def _panel(axis: Axes, group: pd.DataFrame) -> None:
    for y, row in enumerate(group.itertuples()):
        for value, low, high, colour, marker, shift in (
            (row.spearman, row.low, row.high, ALL, "o", -0.15),
            (row.top, row.top_low, row.top_high, TOP, "D", 0.15),
        ):
            axis.plot([low, high], [y + shift] * 2, color=colour, linewidth=1.2)
            axis.plot(value, y + shift, marker, color=colour, markersize=3.5)
    for value, line in ((group.loc[group["proxy"] == CONTROL, "spearman"].max(), "--"), (group["ceiling"].max(), ":")):
        if value == value:
            axis.axvline(value, color="0.3", linestyle=line, linewidth=1)
    style.zero_line(axis)
    axis.set(yticks=range(len(group)), yticklabels=group["proxy"], ylim=(len(group) - 0.4, -0.6), xlim=(-1.02, 1.02))
    counts = f"n = {from_to(group['n'].astype(int))}, {from_to(group['n_top'].astype(int))} in the top decile"
    style.head(axis, style.place(group["dataset"].iloc[0], group["space"].iloc[0]), counts)
