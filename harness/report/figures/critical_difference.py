"""Average ranks with Nemenyi's critical difference."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.analysis import Analysis
from harness.analysis.ranking import cliques
from harness.plan.jobs import RANDOM
from harness.report import typeset
from harness.report.figures import style
from harness.report.figures.style import Colours


def data(analysis: Analysis) -> pd.DataFrame:
    return analysis.ranking


def draw(data: pd.DataFrame, colours: Colours) -> Figure:
    """Best on top, with bootstrap intervals; bars at the right join ranks that do not differ significantly, and the
    line on top is as long as the critical difference."""
    labels = [style.label(row.method, row.space) if row.method != RANDOM else "random" for row in data.itertuples()]
    size = max(style.COLUMN, style.inches(labels) + 2.2), style.pitch(labels) * len(data) + 0.9
    figure, axis = plt.subplots(figsize=size)
    for y, row in enumerate(data.itertuples()):
        axis.plot([row.rank_low, row.rank_high], [y, y], color=colours[row.method], linewidth=1.5)
        axis.plot(row.rank, y, "o" if row.method == RANDOM else "D", color=colours[row.method], markersize=5)
    if not math.isnan(data["difference"].iloc[0]):
        _difference(axis, data["rank"], data["difference"].iloc[0])
    axis.set(
        yticks=range(len(data)), yticklabels=labels, ylim=(len(data) - 0.4, -2.3), xlabel="average rank, 1 is best"
    )
    axis.set(xticks=range(1, len(data) + 1, max(1, len(data) // 6)), xlim=(0.6, None))
    axis.set_title(_title(data["p_friedman"].iloc[0], data["datasets"].iloc[0]))
    axis.grid(axis="y", visible=False)
    return figure


def _difference(axis: Axes, ranks: pd.Series, difference: float) -> None:
    for i, (first, last) in enumerate(cliques(ranks, difference)):
        x = len(ranks) + 0.35 + 0.22 * i
        axis.plot([x, x], [first - 0.25, last + 0.25], color="0.2", linewidth=2.5, solid_capstyle="butt")
    middle = (1 + len(ranks)) / 2
    axis.errorbar(middle, -1.1, xerr=difference / 2, color="0.2", linewidth=1, capsize=3)
    axis.text(middle, -1.25, f"critical difference {difference:.2f}", ha="center", va="bottom", fontsize=7)


def _title(p: float, datasets: int) -> str:
    if datasets < 2:
        return "1 dataset: ranks without a test"
    shown = typeset.probability(p)
    return f"{datasets} datasets, Friedman p {shown if shown[0] == '<' else f'= {shown}'}"
