"""One style for every figure: as wide as a paper's column or two, 8-point letters, colours that the colour-blind can
distinguish. A method has the same colour everywhere, and the random architectures are grey."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.plan.jobs import RANDOM
from harness.records.files import write_atomically
from harness.report.typeset import NAME, fold

STYLE = {
    **{"svg.hashsalt": "nas", "pdf.fonttype": 42, "savefig.dpi": 200, "grid.linewidth": 0.6},
    **{"figure.constrained_layout.use": True, "figure.constrained_layout.w_pad": 0.06},
    **{"axes.titlesize": 8.5, "axes.labelsize": 8, "xtick.labelsize": 8, "ytick.labelsize": 8, "legend.fontsize": 8},
    **{"axes.linewidth": 0.8, "axes.titlepad": 4, "axes.titlelocation": "left", "axes.labelpad": 2},
    **{"xtick.major.pad": 1, "ytick.major.pad": 1},
}
FORMATS = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
"""Metadata without dates and versions, so that the same figure has the same bytes."""
Colour = tuple[float, ...] | str
Colours = dict[str, Colour]
GREY = "0.55"
# Seaborn's colour-blind palette without its grey, which random sampling has, and without what is too pale on white.
PALETTE = ["#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc", "#56b4e9", "#ca9161"]
MARKERS = "oDsv^P*X"
COLUMN, PAGE, LETTER = 3.3, 7.0, 0.062  # inches: a column, both, a character of 8 points


def set_style() -> None:
    """Independent of the user's own settings, and of the fonts that are installed: the font is matplotlib's own."""
    matplotlib.rcdefaults()
    sns.set_theme(context="paper", style="whitegrid", palette=PALETTE, font="DejaVu Sans", rc=STYLE)


def save(figure: Figure, path: Path) -> None:
    """Writes path.png, path.svg and path.pdf, and closes the figure."""
    for kind, metadata in FORMATS.items():
        content = BytesIO()
        figure.savefig(content, format=kind, metadata=metadata)
        figure.set_layout_engine("none")  # the other formats keep the layout of the first
        write_atomically(path.with_name(f"{path.name}.{kind}"), content.getvalue())
    plt.close(figure)


def nothing(name: str) -> Figure:
    figure = plt.figure(figsize=(COLUMN, 0.6))
    figure.text(0.5, 0.5, f"{name.replace('_', ' ')}:\nnothing to show in these records", ha="center", va="center")
    return figure


def colours(methods: Iterable[str]) -> Colours:
    """The palette, then the same colours darker."""
    names = sorted(set(methods) - {RANDOM})
    darker = [tuple(0.5 * part for part in matplotlib.colors.to_rgb(colour)) for colour in PALETTE]
    every: list[Colour] = [*PALETTE, *darker]
    return {**{name: every[i % len(every)] for i, name in enumerate(names)}, RANDOM: GREY}


def shown(rows: pd.DataFrame, colour: Colours) -> list[tuple[str, Colour]]:
    """The methods of these rows with their colours, random sampling left out."""
    return [(name, colour[name]) for name in sorted(set(rows["method"]) - {RANDOM})]


def panels(
    count: int, height: float, width: float = 1.8, label: float = 0.4, **shared: Any
) -> tuple[Figure, list[Axes]]:
    """A grid of at most three panels per row, fewer where their own `width` and the `label` left of the row need it;
    height: of a row, in inches. Superfluous panels are removed."""
    columns = max(1, min(count, 3, int((PAGE - label) / width)))
    rows = math.ceil(count / columns)
    size = (PAGE if columns > 1 else max(COLUMN, label + width), height * rows + 0.2)
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, **shared)
    for i, axis in enumerate(axes.flat):
        if i >= count:
            axis.remove()
        elif i + columns >= count:
            axis.xaxis.set_tick_params(labelbottom=True)  # the lowest of its column
    return figure, list(axes.flat[:count])


def outer_labels(axes: Sequence[Axes], x: str, y: str) -> None:
    """Labels the lowest panel of each column and the first of each row."""
    place = axes[0].get_subplotspec()
    assert place, "panels() places every panel in a grid"
    columns = place.get_gridspec().ncols
    for i, axis in enumerate(axes):
        axis.set(xlabel=x if i + columns >= len(axes) else "", ylabel="" if i % columns else y)


def legend(figure: Figure, entries: Sequence[Artist]) -> None:
    """Below the panels, in rows of equal length; the figure becomes as much higher as they need."""
    texts = [str(entry.get_label()) for entry in entries]
    columns = max(1, min(len(texts), int(figure.get_figwidth() / (inches(texts) + 0.35))))
    rows = math.ceil(len(texts) / columns)
    figure.set_figheight(figure.get_figheight() + rows * pitch(texts) + 0.1)
    columns = math.ceil(len(texts) / rows)
    figure.legend(handles=entries, loc="outside lower center", ncols=columns, frameon=False, handletextpad=0.3)


def entry(label: str, colour: Colour, marker: str = "o", **style: Any) -> Line2D:
    return Line2D([], [], **({"marker": marker, "linestyle": "", "color": colour, "label": label} | style))


def label(method: str, space: str) -> str:
    """A method in its space, on three lines at most."""
    text = method if method == space else f"{method} in {space}"
    return fold(text, max(NAME, len(text) // 3 + 8))


def inches(labels: Iterable[str]) -> float:
    """The width of the widest of these labels."""
    return LETTER * max((len(line) for text in labels for line in text.split("\n")), default=0) + 0.15


def pitch(labels: Iterable[str]) -> float:
    """Inches from one row to the next, so that the labels have room."""
    return 0.05 + 0.135 * max(text.count("\n") + 1 for text in labels)


def reach(values: pd.Series, low: pd.Series, high: pd.Series) -> float:
    """How far an axis of effects goes to either side: it holds every effect and all but the widest tenth of the
    intervals' ends. Those are cut, because they would leave little room for the others."""
    ends = pd.concat([low, high]).abs().dropna()
    return 1.2 * max(values.abs().max(), ends.quantile(0.9) if len(ends) else 0, 1e-9)


def zero_line(axis: Axes, vertical: bool = True) -> None:
    (axis.axvline if vertical else axis.axhline)(0, color="0.3", linewidth=1, zorder=1)
