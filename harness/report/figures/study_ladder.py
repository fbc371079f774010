"""What each variant of a study changes in accuracy."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from harness.analysis.analysis import Analysis
from harness.analysis.statistics import ALPHA
from harness.report.figures import style
from harness.report.figures.style import GREY, Colours
from harness.report.typeset import fold

COLUMNS = ["study", "dataset", "space", "variant", "kind", "n", "difference", "low", "high", "p_holm"]


def data(analysis: Analysis) -> pd.DataFrame:
    return analysis.studies.loc[analysis.studies["difference"].notna(), COLUMNS]


def draw(data: pd.DataFrame, colours: Colours) -> Figure:
    """One panel per study and dataset: differences to the reference with their intervals, in the configuration's order;
    filled where the corrected p is at most 0.05."""
    groups = list(data.groupby(["study", "dataset"], sort=False))
    labels = [fold(name, 26) for name in data["variant"]]
    heights = [style.pitch(labels) * len(group) + 0.65 for _, group in groups]
    figure, axes = plt.subplots(
        len(groups), 1, figsize=(style.PAGE, sum(heights) + 0.2), height_ratios=heights, squeeze=False
    )
    for axis, ((study, dataset), group) in zip(axes.flat, groups):
        for y, row in enumerate(group.itertuples()):
            colour = GREY if row.kind == "effect" else style.PALETTE[0]
            axis.plot([row.low, row.high], [y, y], color=colour, linewidth=1.5)
            face = colour if row.p_holm <= ALPHA else "white"
            axis.plot(row.difference, y, "o", color=colour, markerfacecolor=face, markersize=5)
        style.zero_line(axis)
        names = [fold(name, 26) for name in group["variant"]]
        axis.set(yticks=range(len(group)), yticklabels=names, ylim=(len(group) - 0.4, -0.6))
        style.head(axis, style.study(study, dataset), f"n = {group['n'].max()}")
        axis.set(xlabel="difference to the reference, points")
        axis.grid(axis="y", visible=False)
    entries = [style.entry("variant", style.PALETTE[0])]
    if (data["kind"] == "effect").any():
        entries.append(style.entry("effect of a factor", GREY))
    style.legend(figure, [*entries, style.entry("p (Holm) above 0.05", "0.3", markerfacecolor="white")])
    return figure
