"""Cells that searches found, as arcs with arrows between named states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from harness.plan import titles
from harness.report.figures import drawing, style
from harness.report.typeset import MINUS, fold
from spaces.base import UserError

WIDTH, HEIGHT = 1.3, 0.5  # inches: of a cell with its gap, of one of the two rows of a search
KINDS = ("normal", "reduce")
FLAT, RISE = 0.55, 0.3  # height of an arc in units of its radius, and what the shortest needs to be seen
NODE = 7.0  # points: the size of a state's mark
INK = "0.25"
Edges = dict[str, list[np.ndarray]]
Heads = dict[tuple[str, int], list[tuple[float, float]]]
"""(operation, 1 from above or -1 from below) -> the states that arrows of this look end at."""


def draw(rows: pd.DataFrame, designs: Sequence[dict[str, Any]], said: str) -> Figure:
    """Columns are datasets; a search has two rows, its normal and its reduction cell. `said`: the legend's words on
    n."""
    datasets = sorted(rows["dataset"].unique())
    lanes = sorted({(row.method, row.seed) for row in rows.itertuples()})
    states = 2 + max(len(design[kind]) // 2 for design in designs for kind in KINDS)
    pitch, drop = states + 0.4, FLAT * (states - 1) + 1.0
    names = [fold(f"{titles.method(method)}, seed {seed}", 20) for method, seed in lanes]
    width = max(style.COLUMN, style.inches(names) + 0.55 + WIDTH * len(datasets))
    figure, axis = plt.subplots(figsize=(width, HEIGHT * 2.3 * len(lanes) + 0.35))
    edges: Edges = {}
    heads: Heads = {}
    for row, design in zip(rows.itertuples(), designs):
        x, y = pitch * datasets.index(row.dataset), -2.3 * drop * lanes.index((row.method, row.seed))
        for i, kind in enumerate(KINDS):
            _cell(axis, edges, heads, design[kind], design.get(f"{kind}_concat"), (x, y - drop * i))
        axis.text(x, y - 1.5 * drop, f"{row.accuracy:.1f}%", ha="left", va="center", fontsize=6.5)
    for op in sorted(edges, key=drawing.op_order):
        axis.plot(*np.concatenate(edges[op]).T, **drawing.op_line(op), label=op.replace("_", " "))
    _arrows(axis, heads)
    _lane_names(axis, names, drop)
    for i, dataset in enumerate(datasets):
        axis.text(pitch * i - 0.3, 0.75 * drop, fold(titles.dataset(dataset), 18), va="bottom", fontsize=8)
    axis.set(xlim=(-0.6, pitch * len(datasets) - 1), ylim=(-drop * (2.3 * len(lanes) - 0.6), 0.7 * drop))
    axis.axis("off")
    style.legend(figure, [*axis.get_legend_handles_labels()[0], *_symbols(designs), style.entry(said, INK, "")])
    return figure


def _lane_names(axis: Axes, names: Sequence[str], drop: float) -> None:
    place: dict[str, Any] = {"xycoords": axis.get_yaxis_transform(), "textcoords": "offset points"}
    aside = {**place, "ha": "right", "va": "center"}
    for lane, name in enumerate(names):
        axis.annotate(name, (0, -drop * (2.3 * lane + 0.5)), (-36, 0), fontsize=8, **aside)
        for i, kind in enumerate(KINDS):
            axis.annotate(kind, (0, -drop * (2.3 * lane + i)), (-3, 0), fontsize=6.5, **aside)


def _cell(
    axis: Axes,
    edges: Edges,
    heads: Heads,
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
        height = side * (FLAT * radius + RISE)
        arc = np.column_stack([x + source + radius * (1 - np.cos(turn)), y + height * np.sin(turn)])
        edges.setdefault(op, []).append(np.vstack([arc, [np.nan, np.nan]]))
        heads.setdefault((op, side), []).append((x + node, y))
    nodes = np.arange(2 + len(cell) // 2)
    out = set(nodes[2:] if concat is None else concat)
    for node in nodes.tolist():
        look = _look("s" if node < 2 else "o", node in out)
        axis.plot(x + node, y, zorder=3, **look)
        ink = "white" if node in out else INK
        axis.text(x + node, y, state(node), ha="center", va="center_baseline", fontsize=4.8, color=ink, zorder=4)


def state(node: int) -> str:
    """The name of a state: the two inputs as the cells before that they come from, then nodes from 0."""
    return f"{MINUS}{2 - node}" if node < 2 else str(node - 2)


def _look(marker: str, filled: bool) -> dict[str, Any]:
    face = INK if filled else "white"
    edge: dict[str, Any] = {"markeredgecolor": INK, "markeredgewidth": 0.7}
    return {"marker": marker, "markersize": NODE, "linestyle": "", "markerfacecolor": face, **edge}


def _arrows(axis: Axes, heads: Heads) -> None:
    """The head of each arc, just outside the mark of its node."""
    for (op, side), ends in heads.items():
        beside = ScaledTranslation(0, side * (0.5 * NODE + 1.4) / 72, axis.figure.dpi_scale_trans)
        look = {"markersize": 3.4, "markeredgewidth": 0, "color": drawing.op_line(op)["color"], "gid": "arrow"}
        x, y = zip(*ends)
        axis.plot(x, y, "v" if side > 0 else "^", transform=axis.transData + beside, zorder=5, **look)


def _symbols(designs: Sequence[dict[str, Any]]) -> list[Line2D]:
    """What the marks mean; the open circle only where a node is not part of its cell's output."""
    nodes = [(len(design[kind]) // 2, design.get(f"{kind}_concat")) for design in designs for kind in KINDS]
    unused = any(concat is not None and len({*concat} - {0, 1}) < count for count, concat in nodes)
    said = f"inputs: from the last cell ({MINUS}1)\nand the one before ({MINUS}2)"
    found = [style.entry(said, INK, **_look("s", False)), style.entry("node, in the output", INK, **_look("o", True))]
    found += [style.entry("node, not in it", INK, **_look("o", False))] if unused else []
    return [*found, style.entry("arrow: into a node", INK, "v", markersize=3.4)]
