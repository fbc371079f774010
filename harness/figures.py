"""The figures, each as PNG and SVG with its data as CSV beside it, the same bytes on every call.

One style: as wide as a paper's column or two, the colour-blind palette, a method has the same colour everywhere and the
random architectures are grey.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterable, Sequence
from io import BytesIO
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

from harness import frames, summaries, typeset
from harness.frames import Results
from harness.jobs import RANDOM
from harness.records import write_atomically

STYLE = {
    **{"svg.hashsalt": "nas", "savefig.dpi": 200, "figure.constrained_layout.use": True, "grid.linewidth": 0.6},
    **{"axes.titlesize": 8.5, "axes.labelsize": 8, "xtick.labelsize": 8, "ytick.labelsize": 8, "legend.fontsize": 8},
    **{"axes.linewidth": 0.8, "axes.titlepad": 4, "axes.titlelocation": "left", "axes.labelpad": 2},
    **{"xtick.major.pad": 1, "ytick.major.pad": 1},
}
Colours = dict[str, tuple[float, ...] | str]
GREY = "0.55"
MARKERS = "oDsv^P*X"
COLUMN, PAGE, LETTER = 3.5, 7.0, 0.062  # inches: a column, both, a character of 8 points


def set_style() -> None:
    sns.set_theme(context="paper", style="whitegrid", palette="colorblind", rc=STYLE)


def draw_all(results: Results, out: Path) -> None:
    """Writes every figure into the folder `out`; a figure without data says so."""
    set_style()
    improvement, gap = summaries.relative_improvement(results), summaries.depth_gap(results)
    runs = frames.in_percent(summaries.runs(results).dropna(subset=["accuracy"]))
    colours = _colours([*results.trainings["method"], *results.searches["method"]])
    points = summaries.depth_points(results)
    drawn: dict[str, tuple[pd.DataFrame, Callable[[], Figure]]] = {
        "ri": (improvement, lambda: improvement_forest(improvement, colours)),
        "random_distribution": (runs[[*frames.RUN, "accuracy"]], lambda: random_distribution(runs, colours)),
        "depth_gap": (points, lambda: depth_scatter(points, gap, colours)),
        "search_curves": (results.curves, lambda: search_curves(results.curves)),
        "accuracy_macs": (_sized(runs), lambda: accuracy_macs(_sized(runs), colours)),
    }
    for name, (data, draw) in drawn.items():
        typeset.write_csv(out / f"{name}.csv", data)
        save(draw() if len(data) else _nothing(name), out / name)


def save(figure: Figure, path: Path) -> None:
    """Writes path.png and path.svg without dates and versions, and closes the figure."""
    png, svg = BytesIO(), BytesIO()
    figure.savefig(png, format="png", metadata={"Software": None})
    figure.set_layout_engine("none")  # it stays where the first drawing put it
    figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    write_atomically(path.with_name(f"{path.name}.png"), png.getvalue())
    write_atomically(path.with_name(f"{path.name}.svg"), svg.getvalue())


def _nothing(name: str) -> Figure:
    figure = plt.figure(figsize=(COLUMN, 0.6))
    figure.text(0.5, 0.5, f"{name.replace('_', ' ')}: nothing to show in these records", ha="center", va="center")
    return figure


def _sized(runs: pd.DataFrame) -> pd.DataFrame:
    return runs.dropna(subset=["macs"])[[*frames.RUN, "macs", "accuracy"]].astype({"macs": float})


def _colours(methods: Iterable[str]) -> Colours:
    names = sorted(set(methods) - {RANDOM})
    palette = sns.color_palette("colorblind", max(len(names), 1))
    return {**dict(zip(names, palette)), RANDOM: GREY}


def _panels(count: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """A grid of panels, the superfluous ones removed; height in inches a row."""
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    figure, axes = plt.subplots(rows, columns, figsize=(width, height * rows + 0.5), squeeze=False)
    for axis in axes.flat[count:]:
        axis.remove()
    return figure, list(axes.flat[:count])


def _legend(figure: Figure, entries: Sequence[Line2D]) -> None:
    longest = max(len(entry.get_label()) for entry in entries)
    columns = max(1, int(figure.get_figwidth() / (LETTER * longest + 0.4)))
    figure.legend(handles=entries, loc="outside lower center", ncols=columns, frameon=False, handletextpad=0.3)


def _entry(label: str, colour: tuple[float, ...] | str, marker: str = "o", **style: object) -> Line2D:
    return Line2D([], [], marker=marker, linestyle="", color=colour, label=label, **style)


def _title(name: str) -> str:
    """A name as wide as a panel, on several lines where it is longer."""
    return textwrap.fill(name, 40)


def _label(row: pd.Series) -> str:
    return row["method"] if row["method"] == row["space"] else f"{row['method']} in {row['space']}"


def improvement_forest(table: pd.DataFrame, colours: Colours) -> Figure:
    """One panel a dataset, one line a method: RI with its interval; filled where the test tells it from random."""
    table = table.assign(label=table.apply(_label, axis=1))
    datasets = [group for _, group in table.groupby("dataset")]
    heights = [len(group) + 1.2 for group in datasets]
    size = (2.7 + LETTER * table["label"].str.len().max(), 0.19 * sum(heights) + 0.7)
    figure, axes = plt.subplots(
        len(datasets), figsize=size, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights}
    )
    for axis, group in zip(axes.flat, datasets):
        for y, row in enumerate(group.itertuples()):
            told = row.verdict in ("better", "worse")
            axis.plot([row.ri_low, row.ri_high], [y, y], color=colours[row.method], linewidth=1.5)
            face = colours[row.method] if told else "white"
            axis.plot(row.ri, y, "o", color=colours[row.method], markerfacecolor=face, markersize=5)
        axis.axvline(0, color="0.3", linewidth=1, zorder=0)
        axis.set(yticks=range(len(group)), yticklabels=group["label"], ylim=(len(group) - 0.4, -0.6))
        axis.set_title(_title(group["dataset"].iloc[0]))
        axis.grid(axis="y", visible=False)
    axes.flat[-1].set_xlabel("improvement over random, % (95% interval)")
    filled = _entry("told from random", "0.3"), _entry("not distinguishable", "0.3", markerfacecolor="white")
    _legend(figure, filled)
    return figure


def random_distribution(runs: pd.DataFrame, colours: Colours) -> Figure:
    """One panel a dataset: each space's random architectures as grey dots over their quartiles, methods' runs above."""
    datasets = [group for _, group in runs.groupby("dataset")]
    found = runs[runs["method"] != RANDOM].groupby("space")["method"].unique()
    lanes = {space: [RANDOM, *sorted(found.get(space, []))] for space in sorted(runs["space"].unique())}
    pitch = 0.9 + 0.25 * max(map(len, lanes.values()))
    figure, axes = _panels(len(datasets), 2, PAGE, 0.32 * pitch * len(lanes) + 0.6)
    for axis, group in zip(axes, datasets):
        random = group[group["method"] == RANDOM]
        _boxes(axis, [random[random["space"] == space]["accuracy"] for space in lanes], pitch)
        for i, (space, methods) in enumerate(lanes.items()):
            for lane, method in enumerate(methods):
                row = group[(group["space"] == space) & (group["method"] == method)]
                y = [pitch * i - (0.3 + 0.25 * lane if lane else 0)] * len(row)
                marker = "D" if lane else "o"
                axis.scatter(
                    row["accuracy"], y, 16, color=colours[method], marker=marker, alpha=0.8, linewidth=0, zorder=3
                )
        axis.set(xlabel="test accuracy, %", title=_title(group["dataset"].iloc[0]))
        axis.set(yticks=[pitch * i for i in range(len(lanes))], yticklabels=lanes)
        axis.set_ylim(pitch * (len(lanes) - 1) + 0.5, 0.5 - pitch)
        axis.grid(axis="y", visible=False)
    _legend(figure, [_entry("random architecture", GREY), *(_entry(n, c, "D") for n, c in _present(runs, colours))])
    return figure


def _boxes(axis: Axes, samples: Sequence[pd.Series], pitch: float) -> None:
    """Quartiles, and whiskers over the whole range: every run is drawn as a dot as well."""
    grey = {"color": "0.6", "linewidth": 0.8}
    lines = {f"{name}props": grey for name in ("whisker", "cap", "median")}
    box = {"widths": 0.5, "whis": (0, 100), "showfliers": False, "patch_artist": True, "manage_ticks": False}
    face = {"facecolor": "0.93", "edgecolor": "0.6", "linewidth": 0.8}
    axis.boxplot(
        samples,
        positions=[pitch * i for i in range(len(samples))],
        orientation="horizontal",
        boxprops=face,
        **box,
        **lines,
    )


def depth_scatter(points: pd.DataFrame, gap: pd.DataFrame, colours: Colours) -> Figure:
    """One panel a dataset, space and pair of depths: architectures at both depths; above the diagonal depth pays."""
    place = [*summaries.PLACE, "cells_small", "cells_large"]
    panels = list(points.groupby(place))
    figure, axes = _panels(len(panels), 2, PAGE if len(panels) > 1 else COLUMN, 3.2)
    for axis, (names, group) in zip(axes, panels):
        dataset, space, small, large = names
        for method, of_method in group.groupby("method"):
            marker = "o" if method == RANDOM else "D"
            style = {"color": colours[method], "marker": marker, "linewidth": 0, "alpha": 0.85}
            axis.scatter(of_method["accuracy_small"], of_method["accuracy_large"], s=22, **style)
        axis.axline((group["accuracy_small"].mean(),) * 2, slope=1, color="0.3", linewidth=0.8, linestyle="--")
        axis.set(xlabel=f"accuracy with {small} cells, %", ylabel=f"accuracy with {large} cells, %")
        random = gap[(gap[[*place, "method"]] == [*names, RANDOM]).all(axis=1)]
        axis.set_title(_title(f"{dataset}, space {space}") + "".join(_agreement(row) for row in random.itertuples()))
    _legend(figure, [_entry("random", GREY)] + [_entry(n, c, "D") for n, c in _present(points, colours)])
    return figure


def _present(rows: pd.DataFrame, colours: Colours) -> list[tuple[str, object]]:
    return [(name, colours[name]) for name in sorted(set(rows["method"]) - {RANDOM})]


def _agreement(row: tuple) -> str:
    if pd.isna(row.tau):
        return ""
    ceilings = [typeset.number(c) for c in (row.ceiling_small, row.ceiling_large) if not pd.isna(c)]
    said = f"\nτ = {typeset.number(row.tau)} {typeset.interval(row.tau_low, row.tau_high)}"
    return said + (f"\nseed-noise ceilings {', '.join(ceilings)}" if ceilings else "")


def search_curves(curves: pd.DataFrame) -> Figure:
    """One panel a method and metric: thin lines are searches, coloured by dataset."""
    panels = list(curves.groupby(["method", "metric"]))
    datasets = sorted(curves["dataset"].unique())
    palette = dict(zip(datasets, sns.color_palette("colorblind", len(datasets))))
    figure, axes = _panels(len(panels), 3, PAGE, 1.5)
    for axis, ((method, metric), group) in zip(axes, panels):
        for (dataset, *_), line in group.groupby(frames.RUN):
            axis.plot(line["epoch"], line["value"], color=palette[dataset], linewidth=0.9, alpha=0.8)
        axis.set(xlabel="search epoch", title=f"{method}: {metric.replace('_', ' ')}")
    _legend(figure, [Line2D([], [], color=palette[name], label=name) for name in datasets])
    return figure


def accuracy_macs(runs: pd.DataFrame, colours: Colours) -> Figure:
    """One panel a dataset: accuracy against multiply-adds; the marker is the space, random architectures are grey."""
    spaces = sorted(runs["space"].unique())
    shape = {space: MARKERS[i % len(MARKERS)] for i, space in enumerate(spaces)}
    datasets = [group for _, group in runs.groupby("dataset")]
    figure, axes = _panels(len(datasets), 2, PAGE, 2.3)
    for axis, group in zip(axes, datasets):
        for (method, space), points in sorted(
            group.groupby(["method", "space"]), key=lambda pair: pair[0][0] != RANDOM
        ):
            style = {"color": colours[method], "marker": shape[space], "linewidth": 0, "alpha": 0.8}
            axis.scatter(points["macs"], points["accuracy"], s=18 if method == RANDOM else 30, **style)
        axis.set(
            xscale="log", xlabel="multiply-adds", ylabel="test accuracy, %", title=_title(group["dataset"].iloc[0])
        )
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(EngFormatter(sep=""))
        axis.xaxis.set_minor_locator(NullLocator())
    entries = [_entry(f"random in {space}", GREY, shape[space]) for space in spaces]
    pairs = runs[runs["method"] != RANDOM][["method", "space"]].drop_duplicates().sort_values(["method", "space"])
    entries += [_entry(_label(row), colours[row["method"]], shape[row["space"]]) for _, row in pairs.iterrows()]
    _legend(figure, entries)
    return figure
