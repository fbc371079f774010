"""Layer-wise networks that searches found, as strips of bars: one bar a layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from harness.plan import titles
from harness.report.figures import drawing, style

WIDTH, HEIGHT = 0.13, 0.24  # inches: of a bar, of a network
TALL = 0.8  # the highest bar, of the height of a network
EDGE = "0.3"


def draw(rows: pd.DataFrame, designs: Sequence[list[str]], said: str) -> Figure:
    """Each row is a search, each bar a layer, from the input at the left to the output at the right; below, what the
    heights mean. `said`: the legend's words on n."""
    blocks = max(map(len, designs))
    labels = [f"{titles.dataset(row.dataset)}, seed {row.seed}" for row in rows.itertuples()]
    methods = sorted(rows["method"].unique(), key=titles.method)
    lines = len(rows) + 1.2 * len(methods) + 2.4
    width = max(style.COLUMN, style.inches(labels) + WIDTH * blocks + 0.5)
    figure, axis = plt.subplots(figsize=(width, HEIGHT * lines + 0.3))
    bars = [drawing.bar(block) for design in designs for block in design]
    highest = max(height for height, _, _ in bars)
    y = 0.0
    for method in methods:
        axis.text(-0.4, y - 0.15, titles.method(method), fontsize=8, va="center")
        for i in np.flatnonzero(rows["method"] == method).tolist():
            y -= 1
            _strip(axis, designs[i], y - 0.4, highest)
            axis.text(-0.9, y, labels[i], ha="right", va="center", fontsize=7)
            axis.text(blocks - 0.2, y, f"{rows['accuracy'].iloc[i]:.1f}%", va="center", fontsize=7)
        y -= 1.2
    _layers(axis, blocks, y + 0.55)
    _heights(axis, sorted({height for height, _, _ in bars if height}), y - 1.1, highest)
    axis.set(xlim=(-0.6, blocks), ylim=(y - 1.3, 0.5))
    axis.axis("off")
    used = {text: look for height, text, look in bars if height}
    entries: list[Any] = [Rectangle((0, 0), 1, 1, label=text, **look) for text, look in sorted(used.items())]
    none = [style.entry("no bar: skipped layer", EDGE, "")] if any(not height for height, _, _ in bars) else []
    style.legend(figure, [*entries, *none, style.entry(said, EDGE, "")])
    return figure


def _strip(axis: Axes, design: list[str], base: float, highest: int) -> None:
    for i, block in enumerate(design):
        height, _, look = drawing.bar(block)
        axis.add_patch(Rectangle((i - 0.42, base), 0.84, TALL * height / highest, linewidth=0.4, **look))
    axis.plot([-0.5, len(design) - 0.5], [base, base], color=EDGE, linewidth=0.6)


def _layers(axis: Axes, blocks: int, y: float) -> None:
    """The numbers of the layers, below the last strip."""
    for layer in sorted({1, *range(5, blocks + 1, 5)}):
        axis.text(layer - 1, y, str(layer), ha="center", va="top", fontsize=6.5)
    axis.text(-0.9, y, "layer", ha="right", va="top", fontsize=7)


def _heights(axis: Axes, heights: Sequence[int], base: float, highest: int) -> None:
    """A grey bar of each height, with the expansion that it stands for."""
    axis.text(-0.9, base + 0.4, "height: expansion", ha="right", va="center", fontsize=7)
    for i, height in enumerate(heights):
        size = 0.84, TALL * height / highest
        axis.add_patch(Rectangle((3 * i - 0.42, base), *size, linewidth=0.4, facecolor="0.8", edgecolor="0.2"))
        axis.text(3 * i + 0.6, base, str(height), va="bottom", fontsize=7)
    axis.plot([-0.5, 3 * len(heights) - 1.2], [base, base], color=EDGE, linewidth=0.6)
