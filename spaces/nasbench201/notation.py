"""NAS-Bench-201's cells as values and as texts, `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`. Imports no torch."""

from __future__ import annotations

import difflib

from spaces.base import UserError

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""In the order of the public code."""

Edge = tuple[str, int]
"""(operation, the node that it reads); node 0 is the cell's input."""
Design = tuple[tuple[Edge, ...], ...]
"""The edges into each node from 1 on. The cell's output is the last node."""

EDGES = ((1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2))
"""(node, the node that it reads) of the space's six edges, in the order of the text."""


def write(design: Design) -> str:
    return "+".join("|" + "|".join(f"{name}~{source}" for name, source in node) + "|" for node in design)


def read(text: str) -> Design:
    """Any cell of these operations, also one with other edges than the space's. UserError names node and edge."""
    return tuple(_node(i, part.strip()) for i, part in enumerate(text.strip().split("+"), 1))


def _node(node: int, text: str) -> tuple[Edge, ...]:
    if len(text) < 3 or not (text.startswith("|") and text.endswith("|")):
        raise UserError(f"node {node} is {text[:60]!r}: write each node as |op~0|op~1|, joined by +, such as |none~0|")
    return tuple(_edge(node, part) for part in text[1:-1].split("|"))


def _edge(node: int, text: str) -> Edge:
    name, mark, source = text.partition("~")
    if name not in OPERATIONS:
        near = difflib.get_close_matches(name[:60], OPERATIONS, 1) or OPERATIONS
        raise UserError(f"node {node}: unknown operation {name[:60]!r}: use {', '.join(near)}")
    if not mark or not (source.isascii() and source.isdigit() and int(source) < node):
        raise UserError(f"node {node}: {text[:60]!r} must read a node from 0 to {node - 1}, such as {name}~0")
    return name, int(source)


def connected(design: Design) -> bool:
    """Whether a path without `none` leads from the cell's input to its output: else the network sees no image."""
    reached = {0}
    for node, edges in enumerate(design, 1):
        if any(name != "none" and source in reached for name, source in edges):
            reached.add(node)
    return len(design) in reached


def paths(design: Design) -> frozenset[str]:
    """The operations along each path from the cell's input to its output, joined by >; paths through `none` carry
    nothing and are left out."""
    found = [{""}]
    for node in design:
        found.append({f"{path}>{name}" for name, source in node if name != "none" for path in found[source]})
    return frozenset(found[-1])


def isomorphism(design: Design) -> str:
    """A text that cells share which differ only by the order of equal sums, by skipped nodes or by edges that carry
    zeros (AutoDL-Projects, Structure.to_unique_str with consider_zero)."""
    nodes = ["0"]
    for edges in design:
        nodes.append("+".join(sorted(_expression(name, nodes[source]) for name, source in edges)))
    return nodes[-1]


def _expression(name: str, read: str) -> str:
    if name == "none" or read == "#":
        return "#"
    return read if name == "skip_connect" else f"({read})@{name}"
