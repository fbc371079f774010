"""What a search cost against what it gained."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from harness.analysis.analysis import Analysis
from harness.analysis.columns import GROUP
from harness.analysis.comparison import SIGNIFICANT
from harness.plan import titles
from harness.report.figures import style
from harness.report.figures.style import Colours

APART = 5.0  # points between two marks of the same cost


def data(analysis: Analysis) -> pd.DataFrame:
    """Each method's RI beside the cost of its search in retrainings, where both are known."""
    costs = analysis.costs.dropna(subset=["search_images", "retraining_images"])
    costs = costs.assign(retrainings=(costs["search_images"] / costs["retraining_images"]).astype(float))
    kept = [*GROUP, "search_images", "retraining_images", "retrainings"]
    shown = [*GROUP, "n_method", "n_random", "ri", "holm_low", "holm_high", "verdict"]
    gains = analysis.relative_improvement.dropna(subset=["ri"])[shown]
    return costs[costs["retraining_images"] > 0][kept].merge(gains, on=GROUP)


def draw(data: pd.DataFrame, colours: Colours) -> Figure:
    """One panel per dataset: what a search cost, in trainings from scratch, against what its architectures gained."""
    groups = [group for _, group in data.groupby("dataset")]
    figure, axes = style.panels(len(groups), 1.6, 1.8, 0.4, sharex=True, sharey=True)
    limit = style.reach(data["ri"], data["holm_low"], data["holm_high"])
    for axis, group in zip(axes, groups):
        _panel(axis, group, colours, limit)
        least, most = data["retrainings"].min(), data["retrainings"].max()
        if most > 10 * least > 0:  # the limits are ours: shifted marks are no data to matplotlib
            axis.set(xscale="log", xlim=(least / 2, 2 * most))
        else:
            axis.set_xlim(0, 1.1 * most)
    style.outer_labels(axes, "search cost, in trainings", "improvement, %")
    entries = [style.entry(titles.method(name), **style.mark_look(name, colours)) for name in style.shown(data)]
    entries += [
        style.entry("significant", "0.3", "D"),
        style.entry("not significant", "0.3", "D", markerfacecolor="white"),
    ]
    style.legend(figure, entries + style.cut_entry(axes))
    return figure


def _panel(axis: Axes, group: pd.DataFrame, colours: Colours, limit: float) -> None:
    for row, shift in zip(group.itertuples(), _shifts(group["retrainings"])):
        beside = axis.transData + ScaledTranslation(shift / 72, 0, axis.figure.dpi_scale_trans)
        look: dict[str, Any] = {"color": colours[row.method], "linewidth": 1.2, "transform": beside}
        axis.plot([row.retrainings] * 2, np.clip([row.holm_low, row.holm_high], -limit, limit), **look)
        for y, cut in ((-limit, row.holm_low < -limit), (limit, row.holm_high > limit)):
            if cut:
                style.arrow(axis, row.retrainings, y, colours[row.method], vertical=True).set_transform(beside)
        face = colours[row.method] if row.verdict in SIGNIFICANT else "white"
        look |= style.mark_look(row.method, colours)
        axis.plot(row.retrainings, row.ri, markersize=4.5, markerfacecolor=face, **look)
    style.zero_line(axis, vertical=False)
    axis.set(ylim=(-limit, limit))
    style.head(axis, style.place(group["dataset"].iloc[0]), style.against(group["n_method"], group["n_random"]))


def _shifts(costs: pd.Series) -> list[float]:
    """How many points to the right each mark is drawn, so that those of one cost, to a twentieth, stand side by
    side."""
    near = [round(20 * math.log(cost)) if cost > 0 else -1 for cost in costs]
    return [APART * (near[:i].count(cost) - (near.count(cost) - 1) / 2) for i, cost in enumerate(near)]
