"""Average ranks with Nemenyi's critical difference, in the diagram of Demšar (2006)."""

from __future__ import annotations

import math
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.analysis import Analysis
from harness.analysis.ranking import cliques
from harness.plan import titles
from harness.plan.jobs import RANDOM
from harness.report.figures import style
from harness.report.figures.style import Colours
from harness.report.typeset import fold, number, probability

WIDTH, BAR = 3.0, 0.07  # inches: of the axis, from one bar to the next
ABOVE = 0.95  # inches: what stands above the axis
ROW = 0.17  # inches from one method to the next, where every name has one line


def data(analysis: Analysis) -> pd.DataFrame:
    return analysis.ranking


def draw(data: pd.DataFrame, colours: Colours) -> Figure:
    """The axis of average ranks, the best at the right; each method's name with its rank, joined to its place by an
    elbow; bars that join ranks which do not differ significantly; above, the critical difference.

    Heights are in inches, downwards from the axis.
    """
    labels = [f"{_name(row)} ({number(row.rank)})" for row in data.itertuples()]
    bars = levels(cliques(data["rank"], data["difference"].iloc[0]))
    row, top = max(ROW, style.pitch(labels)), 0.2 + BAR * len(set(bars.values()))
    depth, aside = top + row * math.ceil(len(data) / 2), style.inches(labels)
    figure, axis = plt.subplots(figsize=(WIDTH + 2 * aside, depth + ABOVE))
    span = len(data) - 1 or 1
    for place, (label, method, rank) in enumerate(zip(labels, data["method"], data["rank"])):
        right = place < math.ceil(len(data) / 2)  # the better half
        y = top + row * (place if right else len(data) - 1 - place)
        end = 1 - 0.03 * span if right else len(data) + 0.03 * span
        axis.plot([rank, rank, end], [0, y, y], color=colours[method], linewidth=1.2)
        axis.annotate(label, (end, y), (3 if right else -3, 0), **_aside(right))
    for (first, last), level in bars.items():
        ends = data["rank"].iloc[[first, last]] + np.array([-0.01, 0.01]) * span
        axis.plot(ends, [0.13 + BAR * level] * 2, color="0.1", linewidth=3, solid_capstyle="butt", gid="bar")
    _axis(axis, len(data), span, depth)
    tested = not math.isnan(data["difference"].iloc[0])
    if tested:
        _difference(axis, len(data), data["difference"].iloc[0], 1 + 0.27 / depth)
    axis.set_title(_title(data.iloc[0]), pad=38 if tested else 18, loc="center")
    return figure


def _name(row: pd.Series) -> str:
    return titles.method(RANDOM) if row.method == RANDOM else fold(titles.of(row.method, row.space), 26)


def _aside(right: bool) -> dict[str, Any]:
    return {"textcoords": "offset points", "ha": "left" if right else "right", "va": "center", "fontsize": 8}


def levels(bars: list[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """The level of each bar, 0 nearest to the axis: bars that share a method have different ones."""
    found: dict[tuple[int, int], int] = {}
    for first, last in sorted(bars):
        taken = {level for (_, other), level in found.items() if other >= first}
        found[first, last] = next(level for level in range(len(bars)) if level not in taken)
    return found


def _axis(axis: Axes, methods: int, span: int, depth: float) -> None:
    axis.set(xlim=(methods + 0.03 * span, 1 - 0.03 * span), ylim=(depth, 0), yticks=[])
    axis.set_xticks(range(1, methods + 1, max(1, round(methods / 8))))
    axis.xaxis.tick_top()
    axis.tick_params(axis="x", top=True, length=3, direction="out", color="0.3")
    axis.grid(visible=False)
    axis.spines[["left", "right", "bottom"]].set_visible(False)
    axis.spines["top"].set_color("0.3")


def _difference(axis: Axes, methods: int, difference: float, height: float) -> None:
    """A line as long as the critical difference, from the worst rank on."""
    above: dict[str, Any] = {"transform": axis.get_xaxis_transform(), "clip_on": False, "color": "0.1"}
    axis.plot([methods, methods - difference], [height] * 2, marker="|", linewidth=1.2, gid="difference", **above)
    said, middle = f"CD = {number(difference)}", methods - difference / 2
    axis.text(middle, height, said, va="bottom", ha="center", fontsize=8, **above)


def _title(row: pd.Series) -> str:
    if row["datasets"] < 2:
        return "average ranks, n = 1 dataset: no test"
    p = probability(row["p_friedman"])
    friedman = f"Friedman p {p if p[0] == '<' else f'= {p}'}"
    return f"average ranks, n = {row['datasets']} datasets\nNemenyi at 0.05; {friedman}"
