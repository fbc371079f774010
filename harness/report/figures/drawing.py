"""Pictures of architectures from their text: cells as graphs, layer-wise networks as strips, anything else as a table.

Whatever the space, the text says which: drawing needs no network and no torch.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from harness.plan import titles
from spaces.base import UserError

PALETTE = ["#0173b2", "#de8f05", "#029e73", "#cc78bc", "#ca9161", "#56b4e9", "#949494", "#ece133", "#fbafe4", "#d55e00"]
KNOWN = ["sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5", "max_pool_3x3", "avg_pool_3x3", "skip_connect"]
KERNELS = {3: "#56b4e9", 5: "#0173b2", 7: "#023e8a"}
BLOCK = re.compile(r"k?(?P<kernel>\d+)(?:x\d+)?[-_]e?(?P<expansion>\d+)(?P<more>.*)")
Vertex = str | int
LETTER, ROW, LAYER = 0.072, 0.32, 1.15  # inches: a character of 7 points, a row and a layer of a graph


def draw(space: str, text: str, path: Path) -> None:
    """Draws an architecture of `space` from its text into a PNG or SVG, by the suffix of `path`; same text, same bytes.

    UserError where the text is empty, or a cell names an input that does not come before it.
    """
    if not text.strip():
        raise UserError(f"no architecture to draw: the text for space {space} is empty")
    with plt.rc_context({"svg.hashsalt": "nas", "font.size": 7, "figure.constrained_layout.use": False}):
        figure = _figure(parsed(text))
        figure.text(0, 1.0, titles.space(space), va="bottom", fontsize=9, fontweight="bold")
        path.parent.mkdir(parents=True, exist_ok=True)
        metadata = {"Date": None, "Creator": None} if path.suffix == ".svg" else {"Software": None}
        figure.savefig(path, dpi=150, metadata=metadata, bbox_inches="tight", pad_inches=0.08)
        plt.close(figure)


def parsed(text: str) -> Any:
    """A cell as a dictionary, anything else as a list of its parts; UserError for JSON that is none."""
    if text.lstrip().startswith(("{", "[")):
        try:
            return json.loads(text)
        except ValueError as error:
            raise UserError(f"architecture {text[:40]!r}… is not JSON: {error}") from None
    return [part for part in re.split(r"[\s,|+]+", text) if part]


def _figure(design: Any) -> Figure:
    if is_genotype(design):
        return _genotype(design)
    if is_strip(design):
        return _strip(design)
    return _table(list(design.items() if isinstance(design, dict) else enumerate(design)))


def is_genotype(design: Any) -> bool:
    return isinstance(design, dict) and all(_is_cell(design.get(name)) for name in ("normal", "reduce"))


def is_strip(design: Any) -> bool:
    """Whether it is a list of blocks of which at least one is named by its kernel and expansion."""
    texts = isinstance(design, list) and all(isinstance(block, str) for block in design)
    return texts and any(BLOCK.fullmatch(block) for block in design)


def bar(block: str) -> tuple[int, str, dict[str, Any]]:
    """(expansion, what the look means, the look of a bar) of a layer's block; expansion 0 where nothing is computed."""
    match = BLOCK.fullmatch(block)
    if match is None:
        return 0, block, {"facecolor": "#949494", "edgecolor": "0.2"}
    look = {"facecolor": KERNELS.get(int(match["kernel"]), "#949494"), "edgecolor": "0.2"}
    said = f"kernel {match['kernel']}×{match['kernel']}"
    if match["more"]:
        excited = match["more"].endswith("se")
        look, said = (
            {**look, "hatch": "....." if excited else "/////"},
            f"{said}, {'with SE' if excited else 'grouped'}",
        )
    return int(match["expansion"]), said, look


def op_line(op: str) -> dict[str, Any]:
    """The look of an operation that is drawn as a line: dashed where dilated, dotted where pooled, thin for a skip."""
    dashes = {"dil": (0, (4, 1.2)), "max": (0, (1, 0.8)), "avg": (0, (1, 0.8))}.get(op[:3], "-")
    return {"color": _colour(op), "linestyle": dashes, "linewidth": 0.9 if op == "skip_connect" else 1.5}


def op_order(op: str) -> tuple[int, str]:
    return (KNOWN.index(op) if op in KNOWN else len(KNOWN)), op


def _is_cell(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) and isinstance(pair[1], int)
        for pair in value
    )


def _genotype(design: dict[str, Any]) -> Figure:
    """Two cells, one above the other."""
    graphs = {name: _graph(name, design[name], design.get(f"{name}_concat")) for name in ("normal", "reduce")}
    places = {name: _layout(graph) for name, graph in graphs.items()}
    spans = [2 * _extent(graph, places[name]) + 1.6 for name, graph in graphs.items()]
    layers = max(x for place in places.values() for x, _ in place.values()) + 1
    figure = plt.figure(figsize=(LAYER * layers, ROW * sum(spans)))
    axes = figure.subplots(
        2, height_ratios=spans, gridspec_kw={"left": 0, "right": 1, "bottom": 0, "top": 1, "hspace": 0}
    )
    for axis, (name, graph), span in zip(axes, graphs.items(), spans):
        _draw_graph(axis, graph, places[name])
        axis.set(xlim=(-0.5, layers - 0.5), ylim=(-span / 2, span / 2))
        axis.text(-0.5, span / 2 - 0.2, f"{name} cell", va="top", fontsize=8)
        axis.axis("off")
    return figure


class _Graph(NamedTuple):
    """A cell. States are vertices, named as they are shown; operations too, numbered, so that each has room for its
    name. `sources`: what each vertex reads."""

    sources: dict[Vertex, list[Vertex]]
    ops: dict[Vertex, str]


def _graph(name: str, cell: list[list[Any]], concat: list[int] | None) -> _Graph:
    """UserError where an operation, or the cell's output, reads what does not come before it."""
    states = ["c(k−2)", "c(k−1)", *map(str, range(len(cell) // 2))]
    sources: dict[Vertex, list[Vertex]] = {state: [] for state in states}
    for i, (op, source) in enumerate(cell):
        if not 0 <= source < i // 2 + 2:
            raise UserError(f"{name} cell: input {source} of {op} does not come before node {i // 2}")
        sources[i] = [states[source]]
        sources[states[i // 2 + 2]].append(i)
    concat = list(range(2, len(states))) if concat is None else concat
    for source in concat:
        if not 0 <= source < len(states):
            raise UserError(f"{name} cell: concatenates node {source}, the last is {len(states) - 1}")
    sources["c(k)"] = [states[source] for source in concat]
    return _Graph(sources, {i: op for i, (op, _) in enumerate(cell)})


def _layout(graph: _Graph) -> dict[Vertex, tuple[float, float]]:
    """Places in layers and rows: a vertex's layer is its longest path from the inputs, and within a layer vertices are
    ordered by the mean height of what they read, so that few edges cross."""
    place: dict[Vertex, tuple[float, float]] = {}

    def height_of_sources(vertex: Vertex) -> float:
        heights = [place[source][1] for source in graph.sources[vertex]]
        return sum(heights) / len(heights) if heights else 0.0

    for layer, members in enumerate(_layers(graph)):
        spread = 1.0 if layer else 2.0
        for i, vertex in enumerate(sorted(members, key=lambda vertex: (-height_of_sources(vertex), str(vertex)))):
            place[vertex] = (layer, spread * ((len(members) - 1) / 2 - i))
    return place


def _layers(graph: _Graph) -> Iterator[tuple[Vertex, ...]]:
    sorter = TopologicalSorter(graph.sources)
    sorter.prepare()
    while sorter.is_active():
        yield (layer := sorter.get_ready())
        sorter.done(*layer)


def _extent(graph: _Graph, place: dict[Vertex, tuple[float, float]]) -> float:
    """How far a graph reaches above and below its middle, in rows; an edge that bends reaches farthest in between."""
    found = [abs(y) for _, y in place.values()]
    for end, sources in graph.sources.items():
        for (x, y), (to_x, to_y) in ((place[start], place[end]) for start in sources):
            length = math.hypot((to_x - x) * LAYER, (to_y - y) * ROW)
            found.append(abs((y + to_y) / 2) + abs(_bend((x, y), (to_x, to_y))) * length / 2 / ROW)
    return max(found)


def _draw_graph(axis: Axes, graph: _Graph, place: dict[Vertex, tuple[float, float]]) -> None:
    for end, sources in graph.sources.items():
        for start in sources:
            _edge(axis, place[start], place[end], arrow="-" if end in graph.ops else "-|>")
    for vertex, (x, y) in place.items():
        colour = _colour(graph.ops[vertex]) if vertex in graph.ops else "white"
        box = {"boxstyle": "round,pad=0.35", "facecolor": colour, "edgecolor": "0.3", "linewidth": 0.8}
        label = graph.ops.get(vertex, str(vertex)).replace("_", " ")
        axis.text(x, y, label, ha="center", va="center", bbox=box, color=_ink(colour), zorder=3)


def _bend(start: tuple[float, float], end: tuple[float, float]) -> float:
    """Edges over several layers bend around what lies between."""
    return 0.0 if end[0] - start[0] <= 1 else (-0.25 if start[1] + end[1] >= 0 else 0.25)


def _edge(axis: Axes, start: tuple[float, float], end: tuple[float, float], arrow: str) -> None:
    style: dict[str, Any] = {"arrowstyle": arrow, "mutation_scale": 7, "color": "0.45", "linewidth": 0.8, "zorder": 1}
    bent = f"arc3,rad={_bend(start, end)}"
    axis.add_artist(FancyArrowPatch(start, end, shrinkA=4, shrinkB=9, connectionstyle=bent, **style))


def _colour(op: str) -> str:
    return PALETTE[KNOWN.index(op) if op in KNOWN else 7 + sum(map(ord, op)) % 3]


def _ink(colour: str) -> str:
    """Black or white, whichever reads better on a colour."""
    red, green, blue = matplotlib.colors.to_rgb(colour)
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"


def _strip(blocks: list[str]) -> Figure:
    """One bar a layer, from input to output: as high as its expansion, coloured by its kernel; a skip is a line."""
    figure, axis = plt.subplots(figsize=(0.32 * len(blocks) + 0.8, 2.6))
    found = [bar(block) for block in blocks]
    highest = max(height for height, _, _ in found)
    for i, (block, (height, _, look)) in enumerate(zip(blocks, found)):
        axis.add_artist(Rectangle((i - 0.4, 0), 0.8, height, linewidth=0.6, **look))
        axis.text(i, height + 0.12, block, rotation=90, ha="center", va="bottom")
    axis.plot([-0.6, len(blocks) - 0.4], [0, 0], color="0.2", linewidth=1)
    axis.set(xlim=(-0.7, len(blocks) - 0.3), ylim=(0, highest * 1.1 + 2.6), xticks=range(len(blocks)))
    axis.set(xticklabels=range(1, len(blocks) + 1), xlabel="layer", ylabel="expansion", yticks=sorted({1, 3, highest}))
    axis.spines[["top", "right", "left"]].set_visible(False)
    looks = {said: look for height, said, look in found if height}
    bars = [Rectangle((0, 0), 1, 1, label=said, **look) for said, look in sorted(looks.items())]
    axis.legend(handles=bars, ncols=len(bars), frameon=False, loc="lower right", bbox_to_anchor=(1, 1))
    return figure


def _table(decisions: list[tuple[Any, Any]]) -> Figure:
    """Decisions and options, for spaces without a picture of their own."""
    rows = [(str(name), option if isinstance(option, str) else json.dumps(option)) for name, option in decisions]
    widths = [max(len(row[i]) for row in [*rows, ("decision", "option")]) for i in range(2)]
    figure, axis = plt.subplots(figsize=(LETTER * sum(widths) + 0.6, 0.18 * (len(rows) + 1)))
    axis.axis("off")
    shares = [width / sum(widths) for width in widths]
    table = axis.table(rows, colLabels=["decision", "option"], colWidths=shares, loc="center", cellLoc="left")
    table.auto_set_font_size(False)
    return figure
