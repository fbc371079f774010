"""How often two architectures swap their order in another training, against their gap in the first."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from harness.analysis.analysis import Analysis
from harness.report.figures import style
from harness.report.figures.style import Colours


def data(analysis: Analysis) -> pd.DataFrame:
    return analysis.study_swaps


def draw(data: pd.DataFrame, colours: Colours) -> Figure:
    """One panel per study and dataset."""
    groups = list(data.groupby(["study", "dataset"], sort=False))
    figure, axes = style.panels(len(groups), 1.9, 2.0, sharey=True)
    for axis, ((study, dataset), group) in zip(axes, groups):
        axis.plot(group["gap"], 100 * group["share"], "o", color=style.PALETTE[0], markersize=4)
        axis.plot(group["gap"], 100 * group["expected"], color="0.3", linestyle="--", linewidth=1)
        style.head(axis, style.study(study, dataset), f"n = {group['n'].max()}, {group['pairs'].sum()} pairs")
        axis.set(ylim=(-3, max(60.0, 100 * data["share"].max() + 3)))
    style.outer_labels(axes, "gap in one training, points", "swapped in another, %")
    expected = style.entry("normal architectures and seeds", "0.3", "", linestyle="--")
    style.legend(figure, [style.entry("pairs, an eighth each", style.PALETTE[0]), expected])
    return figure
