"""Architectures as other programs export them, rewritten in the notation of the literature.

- NNI 2 and 3 (`DARTS`, `ENAS` … of its model spaces): {'normal/op_2_0': 'sep_conv_3x3', 'normal/input_2_0': [0], …};
- NNI 1: {'normal_n2_p0': 'sepconv3x3', …, 'normal_n2_switch': ['normal_n2_p0', 'normal_n2_p1'], …};
- NAS-Bench-301: {'NetworkSelectorDatasetInfo:darts:edge_normal_0': 'sep_conv_3x3', …}, its 14 edges in order of nodes;
- NAS-Bench-201: one text in a line of a log, in quotes or in AutoDL's Structure(4 nodes with |…|), or its lists
  of pairs, [(('nor_conv_3x3', 0),), …];
- YAML, sets of numbers, and what web pages and LaTeX write for quotes, bars and underscores;
- layers and numbers in the lists of Python, numpy and JSON, as FBNet's ['k3_e6', 'skip', …] and ENAS' [0 2 1 …].
"""

from __future__ import annotations

import html
import json
import re
import sys
from collections import defaultdict
from contextlib import suppress
from typing import Any

from spaces.base import UserError
from spaces.parts.genotype import OPERATIONS, nearest
from spaces.parts.literals import Unreadable, closing, read, tidied

NNI = re.compile(r"(?:.*/)?(?P<cell>normal|reduce)/(?P<kind>op|input)_(?P<node>\d+)_(?P<number>\d+)")
NNI_1 = re.compile(r"(?:.*/)?(?P<cell>normal|reduce)_n(?P<node>\d+)_p(?P<source>\d+)")
EDGE = re.compile(r"(?:.*(?::|_COLON_))?edge_(?P<cell>normal|reduce)_(?P<number>\d+)")
KNOWN = re.compile(r".*((op|input)_\d+_\d+|_n\d+_\w+|(edge|inputs_node)_(normal|reduce)_\d+)")
NODES = re.compile(r"\|(?:\s*\w+~\d+\s*\|)+(?:\s*\+\s*\|(?:\s*\w+~\d+\s*\|)+)*")
PAIR = re.compile(r"""[(\[]\s*['"](\w+)['"]\s*,\s*(\d)\s*[)\]]""")
NODES_READ = [0, 0, 1, 0, 1, 2]
"""By the six edges of NAS-Bench-201, in the order of nodes."""
LAYER = r"(?<![\w-])(?:skip|k\d+_e\d+(?:_g\d+)?|\d+x\d+-\d+(?:-se)?)(?![\w-])"
LAYERS = re.compile(rf"{LAYER}(?:[\s,;|'\"\[\]()\u2018-\u201f]+{LAYER}){{3,}}")
NUMBERS = re.compile(r"[\s\d,\[\]()]+")
NAMES = {
    **{
        "maxpool": "max_pool_3x3",
        "avgpool": "avg_pool_3x3",
        "skipconnect": "skip_connect",
        "sepconv3x3": "sep_conv_3x3",
    },
    **{"sepconv5x5": "sep_conv_5x5", "dilconv3x3": "dil_conv_3x3", "dilconv5x5": "dil_conv_5x5"},
}
"""NNI 1's operations."""
WRAPPED = "optimized_hyperparamater_config"
"""As NAS-Bench-301's files spell it."""
Cells = dict[tuple[str, int], list[tuple[Any, Any]]]
"""(cell, node) -> its (operation, input)."""


def plain(text: str) -> str:
    """The text, rewritten where it has one of these forms. UserError where such a text is no cell of two edges a node.
    What else it says, such as the network's size, is named on stderr."""
    text = _unescaped(text.replace("\u00d7", "x"))
    if len(nodes := NODES.findall(text)) == 1 and nodes[0].count("~") == text.count("~"):
        return re.sub(r"\s", "", nodes[0])
    if not PAIR.sub("", text).strip("[](), \n") and [int(source) for _, source in PAIR.findall(text)] == NODES_READ:
        edges = [f"{operation}~{source}|" for operation, source in PAIR.findall(text)]
        return "+".join(f"|{''.join(edges[start:end])}" for start, end in ((0, 1), (1, 3), (3, 6)))
    if len(layers := LAYERS.findall(text)) == 1:
        return ",".join(re.findall(LAYER, layers[0]))
    if NUMBERS.fullmatch(text) and not re.search(r"[\[(]\s*[\[(]", text):  # nested ones are pairs
        return " ".join(re.findall(r"\d+", text))
    found = _dictionary(text)
    cells = _nni(found) or _nni_1(found) or _nasbench301(found)
    if not cells:
        return text
    if rest := [f"{key} {value}" for key, value in found.items() if not KNOWN.fullmatch(key)]:
        print(f"note: of the text the cells are read, not {', '.join(rest)[:80]}", file=sys.stderr)
    return json.dumps({key: value for cell in ("normal", "reduce") for key, value in _cell(cell, cells).items()})


def _unescaped(text: str) -> str:
    """Without the signs of HTML, LaTeX and Markdown; YAML and sets in the notation of JSON."""
    text = re.sub(r"\\([_|])", r"\1", html.unescape(text))
    text = re.sub(r"\{\s*(\d+(?:\s*,\s*\d+)*)\s*\}", r"[\1]", text)
    if re.match(r"\s*(normal|reduce)(_concat)?:\s", text):
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError

        with suppress(YAMLError):
            return json.dumps(YAML(typ="safe", pure=True).load(text))
    return text


def _dictionary(text: str) -> dict[str, Any]:
    try:
        text = tidied(text)
        start = text.index("{")
        found = read(text, start, closing(text, start)).plain()
    except (Unreadable, ValueError):
        return {}
    return found.get(WRAPPED, found) if isinstance(found, dict) else {}


def _nni(found: dict[str, Any]) -> Cells:
    parts: dict[tuple[str, int, int], dict[str, Any]] = defaultdict(dict)
    for key, value in found.items():
        if match := NNI.fullmatch(key):
            of = parts[match["cell"], int(match["node"]), int(match["number"])]
            of[match["kind"]] = value[0] if isinstance(value, list) and len(value) == 1 else value
    cells: Cells = defaultdict(list)
    for (cell, node, _), of in sorted(parts.items()):
        if len(of) == 2:
            cells[cell, node].append((of["op"], of["input"]))
    return cells


def _nni_1(found: dict[str, Any]) -> Cells:
    """An edge counts if its node's switch names it."""
    cells: Cells = defaultdict(list)
    for key, value in found.items():
        if match := NNI_1.fullmatch(key):
            chosen = found.get(f"{key.rpartition('_')[0]}_switch", [key])
            if value != [] and key in chosen:
                operation = value[0] if isinstance(value, list) and len(value) == 1 else value
                cells[match["cell"], int(match["node"])].append((NAMES.get(operation, operation), int(match["source"])))
    return cells


def _nasbench301(found: dict[str, Any]) -> Cells:
    places = [(node, source) for node in range(2, 6) for source in range(node)]
    cells: Cells = defaultdict(list)
    for key, value in found.items():
        if (match := EDGE.fullmatch(key)) and value is not None and int(match["number"]) < len(places):
            node, source = places[int(match["number"])]
            cells[match["cell"], node].append((value, source))
    return {place: sorted(edges, key=lambda edge: edge[1]) for place, edges in cells.items()}


def _cell(cell: str, cells: Cells) -> dict[str, Any]:
    """The output of a cell of four nodes, as DARTS', is all of them; that of other spaces is what no node reads."""
    nodes = range(2, max((node for of, node in cells if of == cell), default=5) + 1)
    flat = []
    for node in nodes:
        edges = cells.get((cell, node), [])
        _check(f"node {node} of the {cell} cell", node, edges)
        flat += edges
    sources = {source for _, source in flat} if len(nodes) != 4 else set()
    return {cell: flat, f"{cell}_concat": sorted(set(nodes) - sources)}


def _check(where: str, node: int, edges: list[tuple[Any, Any]]) -> None:
    if len(edges) != 2:
        raise UserError(f"{where} has {len(edges)} edges: write two, each with its operation and its input")
    for operation, source in edges:
        if operation not in OPERATIONS:
            hint = nearest(str(operation), OPERATIONS)
            raise UserError(f"{where}: unknown operation {operation!r}{hint}; known: {', '.join(OPERATIONS)}")
        if type(source) is not int or not 0 <= source < node:
            raise UserError(f"{where}: input {source!r} does not exist there; inputs are 0 to {node - 1}")
