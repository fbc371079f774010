"""What a search cost against what it gained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.analysis import Analysis
from harness.analysis.columns import GROUP
from harness.report.figures import style
from harness.report.figures.forest import SIGNIFICANT
from harness.report.figures.style import Colours
from harness.report.typeset import fold


def data(analysis: Analysis) -> pd.DataFrame:
    """Each method's RI beside the cost of its search in retrainings, where both are known."""
    costs = analysis.costs.dropna(subset=["search_images", "retraining_images"])
    costs = costs.assign(retrainings=(costs["search_images"] / costs["retraining_images"]).astype(float))
    kept = [*GROUP, "search_images", "retraining_images", "retrainings"]
    shown = [*GROUP, "ri", "holm_low", "holm_high", "verdict"]
    gains = analysis.relative_improvement.dropna(subset=["ri"])[shown]
    return costs[costs["retraining_images"] > 0][kept].merge(gains, on=GROUP)


def draw(data: pd.DataFrame, colours: Colours) -> Figure:
    """One panel per dataset: what a search cost, in trainings from scratch, against what its architectures gained."""
    groups = [group for _, group in data.groupby("dataset")]
    figure, axes = style.panels(len(groups), 1.5, 1.8, 0.4, sharex=True, sharey=True)
    limit = style.reach(data["ri"], data["holm_low"], data["holm_high"])
    for axis, group in zip(axes, groups):
        _panel(axis, group, colours, limit)
        if data["retrainings"].max() > 10 * data["retrainings"].min() > 0:
            axis.set_xscale("log")
        else:
            axis.set_xlim(0, 1.1 * data["retrainings"].max())
    style.outer_labels(axes, "search cost, in trainings", "improvement, %")
    style.legend(figure, [style.entry(fold(n, 40), c, "D") for n, c in style.shown(data, colours)])
    return figure


def _panel(axis: Axes, group: pd.DataFrame, colours: Colours, limit: float) -> None:
    for row in group.itertuples():
        line: dict[str, Any] = {"color": colours[row.method], "linewidth": 1.2}
        axis.plot([row.retrainings] * 2, np.clip([row.holm_low, row.holm_high], -limit, limit), **line)
        face = colours[row.method] if row.verdict in SIGNIFICANT else "white"
        axis.plot(row.retrainings, row.ri, "D", markersize=4.5, markerfacecolor=face, **line)
    style.zero_line(axis, vertical=False)
    axis.set(title=fold(group["dataset"].iloc[0]), ylim=(-1.05 * limit, 1.05 * limit))
