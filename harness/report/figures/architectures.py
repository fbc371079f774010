"""What the methods found, one picture per space: cells as arcs between states, layer-wise networks as strips of bars,
other notations as text. Each row or column is one search, so that one sees what recurs."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from harness.analysis.analysis import Analysis
from harness.analysis.columns import GROUP, RUN
from harness.plan.jobs import RANDOM
from harness.report.figures import drawing, style
from harness.report.figures.style import PAGE, Colours
from harness.report.typeset import fold
from spaces.base import UserError

SEEDS, ROWS = 3, 24  # at most so many seeds of a method; the first seed alone where the rows would be more than this
CELL_WIDTH, CELL_HEIGHT, BAR_WIDTH, BAR_HEIGHT = 1.22, 0.46, 0.13, 0.24  # inches
KINDS = ("normal", "reduce")
FLAT = 0.55  # height of an arc in units of its radius


def data(analysis: Analysis) -> pd.DataFrame:
    """Of each method, space and dataset the architectures of the first seeds, with their accuracies in percent; random
    architectures are left out."""
    runs = analysis.finished_runs
    known = runs[(runs["method"] != RANDOM) & runs["arch"].notna()].sort_values(RUN)
    order = known.groupby(GROUP).cumcount()
    datasets = known.groupby(["space", "method"])["dataset"].transform("nunique")
    crowd = known[order < SEEDS].groupby("space")["method"].nunique().mul(SEEDS)
    few = known["space"].map(crowd) * np.where(known["arch"].str.startswith("{"), 2, datasets) <= ROWS
    return known[order < np.where(few, SEEDS, 1)][[*RUN, "accuracy", "arch"]]


def draw(data: pd.DataFrame, colours: Colours) -> Figure:
    """data: of one space. Notations that are neither cells nor layers, or that cannot be read, are printed as text."""
    try:
        designs = [drawing.parsed(text) for text in data["arch"]]
        if all(map(drawing.is_genotype, designs)):
            return _cells(data, designs)
        if all(map(drawing.is_strip, designs)):
            return _strips(data, designs)
    except UserError:
        pass
    return _texts(data)


def _cells(rows: pd.DataFrame, designs: Sequence[dict[str, Any]]) -> Figure:
    """Columns are datasets; a search has two rows, its normal and its reduction cell."""
    datasets = sorted(rows["dataset"].unique())
    lanes = sorted({(row.method, row.seed) for row in rows.itertuples()})
    states = 2 + max(len(design[kind]) // 2 for design in designs for kind in KINDS)
    pitch, drop = states + 0.4, FLAT * (states - 1) + 0.9
    names = [fold(f"{method}, {seed}", 20) for method, seed in lanes]
    width = max(style.COLUMN, style.inches(names) + 0.55 + CELL_WIDTH * len(datasets))
    figure, axis = plt.subplots(figsize=(width, CELL_HEIGHT * 2.3 * len(lanes) + 0.35))
    edges: dict[str, list[np.ndarray]] = {}
    for row, design in zip(rows.itertuples(), designs):
        x, y = pitch * datasets.index(row.dataset), -2.3 * drop * lanes.index((row.method, row.seed))
        for i, kind in enumerate(KINDS):
            _arcs(axis, edges, design[kind], design.get(f"{kind}_concat"), (x, y - drop * i))
        axis.text(x, y - 1.5 * drop, f"{row.accuracy:.1f}%", ha="left", va="center", fontsize=6.5)
    for op in sorted(edges, key=drawing.op_order):
        axis.plot(*np.concatenate(edges[op]).T, **drawing.op_line(op), label=op.replace("_", " "))
    _lane_names(axis, names, drop)
    for i, dataset in enumerate(datasets):
        axis.text(pitch * i - 0.3, 0.75 * drop, fold(dataset, 18), va="bottom", fontsize=8)
    axis.set(xlim=(-0.6, pitch * len(datasets) - 1), ylim=(-drop * (2.3 * len(lanes) - 0.6), 0.7 * drop))
    axis.axis("off")
    style.legend(figure, axis.get_legend_handles_labels()[0])
    return figure


def _lane_names(axis: Axes, names: Sequence[str], drop: float) -> None:
    aside: dict[str, Any] = {
        "xycoords": axis.get_yaxis_transform(),
        "textcoords": "offset points",
        "ha": "right",
        "va": "center",
    }
    for lane, name in enumerate(names):
        axis.annotate(name, (0, -drop * (2.3 * lane + 0.5)), (-36, 0), fontsize=8, **aside)
        for i, kind in enumerate(KINDS):
            axis.annotate(kind, (0, -drop * (2.3 * lane + i)), (-3, 0), fontsize=6.5, **aside)


def _arcs(
    axis: Axes,
    edges: dict[str, list[np.ndarray]],
    cell: list[Any],
    concat: Sequence[int] | None,
    corner: tuple[float, float],
) -> None:
    """States from left to right, the two inputs first. Of a node's two operations one arrives from above, the other
    from below. What the cell concatenates is filled."""
    turn = np.linspace(0, np.pi, 24)
    x, y = corner
    for i, (op, source) in enumerate(cell):
        node = i // 2 + 2
        if not 0 <= source < node:
            raise UserError(f"input {source} of {op} does not come before node {i // 2}")
        radius, side = (node - source) / 2, 1 if i % 2 == 0 else -1
        arc = np.column_stack([x + source + radius * (1 - np.cos(turn)), y + side * FLAT * radius * np.sin(turn)])
        edges.setdefault(op, []).append(np.vstack([arc, [np.nan, np.nan]]))
    nodes = np.arange(2 + len(cell) // 2)
    out = set(nodes[2:] if concat is None else concat)
    for marker, chosen in (("s", nodes[:2]), ("o", nodes[2:])):
        face = ["0.25" if node in out else "white" for node in chosen]
        axis.scatter(
            x + chosen, [y] * len(chosen), 11, face, marker=marker, edgecolors="0.25", linewidths=0.7, zorder=3
        )


def _strips(rows: pd.DataFrame, designs: Sequence[list[str]]) -> Figure:
    """Each row is a search, each bar a layer, from the input at the left to the output at the right."""
    blocks = max(map(len, designs))
    labels = [f"{row.dataset}, {row.seed}" for row in rows.itertuples()]
    methods = sorted(rows["method"].unique())
    lines = len(rows) + 1.2 * len(methods)
    width = max(style.COLUMN, style.inches(labels) + BAR_WIDTH * blocks + 0.5)
    figure, axis = plt.subplots(figsize=(width, BAR_HEIGHT * lines + 0.9))
    highest = max(drawing.bar(block)[0] for design in designs for block in design)
    y = 0.0
    used: dict[str, dict[str, Any]] = {}
    for method in methods:
        axis.text(-0.4, y - 0.15, method, fontsize=8, va="center")
        for i in np.flatnonzero(rows["method"] == method).tolist():
            y -= 1
            used |= _strip(axis, designs[i], y - 0.4, highest)
            axis.text(-0.9, y, labels[i], ha="right", va="center", fontsize=7)
            axis.text(blocks - 0.2, y, f"{rows['accuracy'].iloc[i]:.1f}%", va="center", fontsize=7)
        y -= 1.2
    axis.set(xlim=(-0.6, blocks), ylim=(y + 0.6, 0.5))
    axis.axis("off")
    swatches = [Rectangle((0, 0), 1, 1, label=text, **look) for text, look in sorted(used.items())]
    below: dict[str, Any] = {
        "loc": "outside lower center",
        "ncols": min(len(swatches), 4),
        "columnspacing": 1,
        "handlelength": 1.2,
    }
    figure.legend(handles=swatches, frameon=False, **below)
    return figure


def _strip(axis: Axes, design: list[str], base: float, highest: int) -> dict[str, dict[str, Any]]:
    """Draws one network and returns what its colours mean."""
    used = {}
    for i, block in enumerate(design):
        height, text, look = drawing.bar(block)
        tall = 0.8 * height / highest
        axis.add_patch(Rectangle((i - 0.42, base), 0.84, tall, linewidth=0.4, **look))
        if height:
            used[text] = look
    axis.plot([-0.5, len(design) - 0.5], [base, base], color="0.3", linewidth=0.6)
    return used


def _texts(rows: pd.DataFrame) -> Figure:
    lines = [f"{row.dataset}, {row.method}, {row.seed}: {row.arch}" for row in rows.itertuples()]
    text = "\n".join(textwrap.fill(line, 110, subsequent_indent="    ") for line in lines)
    figure = plt.figure(figsize=(PAGE, 0.13 * (text.count("\n") + 1) + 0.2))
    figure.text(0.01, 0.99, text, va="top", fontsize=6.5, family="monospace")
    return figure
