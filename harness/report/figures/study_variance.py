"""Shares of the variance of a study's accuracies."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from harness.analysis.analysis import Analysis
from harness.report.figures import style
from harness.report.figures.style import GREY, Colours
from harness.report.typeset import fold

COMPONENTS = ("variant", "space", "operations", "wiring", "architecture", "interaction", "seed")
LOOKS = dict(zip(COMPONENTS, (*(style.PALETTE[i] for i in (0, 3, 4, 5, 1, 2)), GREY), strict=True))


def data(analysis: Analysis) -> pd.DataFrame:
    return analysis.study_components


def draw(data: pd.DataFrame, colours: Colours) -> Figure:
    """A bar per study and dataset."""
    groups = list(data.groupby(["study", "dataset"], sort=False))
    said = [f"{study}, {style.place(dataset)} (n = {group['n'].max()})" for (study, dataset), group in groups]
    names = [fold(text, 40) for text in said]
    height = style.pitch(names) * 1.5 * len(names) + 0.55
    figure, (axis,) = style.panels(1, height, 4.0, style.inches(names))
    for y, (_, group) in enumerate(groups):
        left = 0.0
        for row in group.itertuples():
            axis.barh(y, 100 * row.share, left=left, color=LOOKS[row.component], height=0.7, linewidth=0)
            if row.share > 0.08:
                axis.text(left + 50 * row.share, y, f"{100 * row.share:.0f}", ha="center", va="center", fontsize=7)
            left += 100 * row.share
    axis.set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.4, -0.6), xlim=(0, 100))
    axis.set(xlabel="share of the variance, %")
    axis.grid(axis="y", visible=False)
    shown = set(data["component"])
    style.legend(figure, [style.entry(name, LOOKS[name], "s") for name in COMPONENTS if name in shown])
    return figure
