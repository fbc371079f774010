"""Every architecture that was trained at two depths."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from harness.analysis.analysis import Analysis
from harness.analysis.columns import BASELINE
from harness.plan import titles
from harness.plan.jobs import RANDOM
from harness.report.figures import style
from harness.report.figures.style import GREY, Colours


def data(analysis: Analysis) -> pd.DataFrame:
    return analysis.depth_points


def draw(data: pd.DataFrame, colours: Colours) -> Figure:
    """One panel per dataset, space and pair of depths: above the dashed line the deeper network is better."""
    groups = list(data.groupby([*BASELINE, "cells_small", "cells_large"]))
    figure, axes = style.panels(len(groups), 2.1, 2.1)
    for axis, ((dataset, space, small, large), group) in zip(axes, groups):
        for method, points in group.groupby("method"):
            look = {"color": GREY, "marker": "o"} if method == RANDOM else style.mark_look(str(method), colours)
            dots: dict[str, Any] = {**look, "linewidth": 0, "alpha": 0.85}
            axis.scatter(points["accuracy_small"], points["accuracy_large"], s=16, **dots)
        axis.axline((group["accuracy_small"].mean(),) * 2, slope=1, color="0.3", linewidth=0.8, linestyle="--")
        axis.set(xlabel=f"accuracy with {small} cells, %", ylabel=f"with {large} cells, %")
        style.head(axis, style.place(dataset, space), f"{small} and {large} cells, n = {len(group)}")
    marks = [style.entry("random", GREY)] if (data["method"] == RANDOM).any() else []
    marks += [style.entry(titles.method(name), **style.mark_look(name, colours)) for name in style.shown(data)]
    style.legend(figure, [*marks, style.entry("same accuracy at both", "0.3", "", linestyle="--")])
    return figure
