"""One style for every figure: as wide as a paper's column or two, 8-point letters, colours that the colour-blind can
distinguish. A method has the same colour everywhere, and the random architectures are grey."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.plan import titles
from harness.plan.jobs import RANDOM
from harness.records.files import write_atomically
from harness.report.figures import fonts
from harness.report.typeset import NAME, fold, from_to

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
EVERY: list[Colour] = [*PALETTE, *(tuple(0.5 * part for part in to_rgb(colour)) for colour in PALETTE)]
FILLS: list[Literal["full", "none", "left", "top"]] = ["full", "none", "left", "top"]
DASHES = ["-", (0, (4, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1))]
MOST_PANELS = 60
CUT = "cut"
"""The group, in an SVG too, of arrows that mark a cut."""
ROOM = 1.12  # how much wider an axis is than what it holds: the head of an arrow stays inside
COLUMN, PAGE, LETTER = 3.3, 7.0, 0.062  # inches: a column, both, a character of 8 points
LINE, TITLE = 0.135, 0.066  # inches: a line of 8 points, a character of a panel's title


def set_style() -> None:
    """Independent of the user's own settings, and of the fonts that are installed: the font is matplotlib's own, but
    for letters that it lacks."""
    matplotlib.rcdefaults()
    sns.set_theme(context="paper", style="whitegrid", palette=PALETTE, rc=STYLE | {"font.family": fonts.families()})


def save(figure: Figure, path: Path) -> None:
    """Writes path.png, path.svg and path.pdf, and closes the figure."""
    for kind, metadata in FORMATS.items():
        content = BytesIO()
        figure.savefig(content, format=kind, metadata=metadata)
        figure.set_layout_engine("none")  # the other formats keep the layout of the first
        write_atomically(path.with_name(f"{path.name}.{kind}"), content.getvalue())
    plt.close(figure)


class TooMany(Exception):
    """More panels than anyone looks at."""


def check_panels(count: int) -> None:
    """TooMany where a figure would have more than MOST_PANELS."""
    if count > MOST_PANELS:
        raise TooMany(f"{count:,} panels are too many to look at: their data is in the CSV")


def nothing(name: str, why: str = "nothing to show in these records") -> Figure:
    figure = plt.figure(figsize=(COLUMN, 0.6))
    figure.text(0.5, 0.5, f"{name.replace('_', ' ')}:\n{why}", ha="center", va="center")
    return figure


def colours(methods: Iterable[str]) -> Colours:
    """The palette, then the same colours darker, then both again: `turn` tells those of one colour apart."""
    names = sorted(set(methods) - {RANDOM})
    return {**{name: EVERY[i % len(EVERY)] for i, name in enumerate(names)}, RANDOM: GREY}


def turn(method: str, colour: Colours) -> int:
    """0 for the first methods, each with a colour of its own, 1 for the next ones with the same colours, and so on."""
    return 0 if method == RANDOM else list(colour).index(method) // len(EVERY)


def line_look(method: str, colour: Colours) -> dict[str, Any]:
    """Colour and dashes of a method's line: no two methods of 56 have both in common."""
    return {"color": colour[method], "linestyle": DASHES[turn(method, colour) % len(DASHES)]}


def mark_look(method: str, colour: Colours) -> dict[str, Any]:
    """Colour and shape of a method's mark: no two methods of 112 have both in common."""
    return {"color": colour[method], "marker": MARKERS[(1 + turn(method, colour)) % len(MARKERS)]}


def shown(rows: pd.DataFrame) -> list[str]:
    """The methods of these rows by their names for readers, random sampling left out."""
    return sorted(set(rows["method"]) - {RANDOM}, key=titles.method)


def counted(name: str, counts: pd.Series) -> str:
    """ "DARTS (n = 5)", or "(n = 3 to 5)"; on two lines where it is long."""
    return fold(f"{name} (n = {from_to(counts)})", 40)


def against(method: pd.Series, random: pd.Series) -> str:
    """ "n = 5 vs 10 random": how many runs of a method, and how many random architectures."""
    return f"n = {from_to(method)} vs {from_to(random)} random"


def place(dataset: str, space: str = "") -> str:
    """A panel's name."""
    return f"{titles.dataset(dataset)}, {titles.space(space)}" if space else titles.dataset(dataset)


def study(name: str, dataset: str) -> str:
    """A study's panel: "depth gap, Digits"."""
    return f"{name.replace('_', ' ')}, {titles.dataset(dataset)}"


def head(axis: Axes, name: str, more: str, inches: float = 0) -> None:
    """Above a panel its name, and `more` of what it shows: n, which no figure is without. On one line where both have
    room within the panel, or within `inches`."""
    figure, place = axis.get_figure(), axis.get_subplotspec()
    assert isinstance(figure, Figure) and place, "panels stand in a figure's grid"
    width = int((inches or figure.get_figwidth() / place.get_gridspec().ncols - 0.55) / TITLE)
    both = f"{name} ({more})"
    axis.set_title(both if len(both) <= width else f"{fold(name, width)}\n{fold(more, width)}")


def panels(
    count: int, height: float, width: float = 1.8, label: float = 0.4, **shared: Any
) -> tuple[Figure, list[Axes]]:
    """A grid of at most three panels per row, fewer where their own `width` and the `label` left of the row need it;
    height: of a row, in inches. Superfluous panels are removed."""
    check_panels(count)
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
    high = 0.05 + LINE * max(text.count("\n") + 1 for text in texts)
    figure.set_figheight(figure.get_figheight() + rows * high + 0.1)
    columns = math.ceil(len(texts) / rows)
    figure.legend(handles=entries, loc="outside lower center", ncols=columns, frameon=False, handletextpad=0.3)


def entry(label: str, color: Colour, marker: str = "o", **style: Any) -> Line2D:
    return Line2D([], [], **({"marker": marker, "linestyle": "", "color": color, "label": label} | style))


def label(method: str, space: str) -> str:
    """A method in its space, on three lines at most."""
    text = titles.of(method, space)
    return fold(text, max(NAME, len(text) // 3 + 8))


def inches(labels: Iterable[str]) -> float:
    """The width of the widest of these labels."""
    return LETTER * max((len(line) for text in labels for line in text.split("\n")), default=0) + 0.15


def pitch(labels: Iterable[str]) -> float:
    """Inches from one row to the next, so that labels in this order have room."""
    lines = [text.count("\n") + 1 for text in labels]
    return 0.05 + LINE * max(sum(pair) / 2 for pair in zip(lines, [*lines[1:], lines[-1]]))


def reach(values: pd.Series, low: pd.Series, high: pd.Series) -> float:
    """How far an axis of effects goes to either side: it holds every effect and every interval, unless the longest
    reach four times as far as nine tenths of them. Then those are cut, because they would leave little room for the
    others; an arrow must say so."""
    ends = pd.concat([low, high, values]).abs().dropna()
    usual = max(values.abs().max(), ends.quantile(0.9), 1e-9)
    return float(ROOM * (usual if ends.max() > 4 * usual else max(ends.max(), 1e-9)))


def arrow(axis: Axes, x: float, y: float, colour: Colour, vertical: bool = False) -> Line2D:
    """The mark of an interval that is cut at (x, y), the limit of its axis; its head stays inside the panel."""
    away = y if vertical else x
    marker = {(False, False): "<", (False, True): ">", (True, False): "v", (True, True): "^"}[vertical, away > 0]
    inside = away - math.copysign(0.06 * abs(away), away)
    at = (x, inside) if vertical else (inside, y)
    (mark,) = axis.plot(*at, marker, color=colour, markersize=5, markeredgewidth=0, gid=CUT)
    return mark


def cut_entry(axes: Sequence[Axes]) -> list[Line2D]:
    """What the legend says of arrows, where there are any."""
    drawn = any(line.get_gid() == CUT for axis in axes for line in axis.lines)
    return [entry("interval goes on", "0.3", ">")] if drawn else []


def zero_line(axis: Axes, vertical: bool = True) -> None:
    (axis.axvline if vertical else axis.axhline)(0, color="0.3", linewidth=1, zorder=1)
