"""The cells of genotypes in the forms of the literature, as pairs of operation and input, two per node.

DARTS and most others list the pairs; AutoDL-Projects and pt.darts nest them per node, some with a score behind;
FairDARTS writes (operation, node, input), where an edge that is missing adds nothing, as `none` does; PR-DARTS writes
(operation, settings, input).
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable
from typing import Any

from spaces.base import UserError
from spaces.parts.literals import Node

Edge = tuple[str, int]
"""(operation, state that it reads)"""

OPERATIONS = (
    "none",
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "sep_conv_7x7",
    "dil_conv_3x3",
    "dil_conv_5x5",
    "conv_7x1_1x7",
    "max_pool_5x5",
    "conv_1x1",
    "conv_3x3",
    "conv_5x5",
    "conv_7x7",
)
"""The operations of all genotypes that can be built."""
Where = Callable[[Node], str]
Pair = tuple[Node, Any, Any]
"""(where it stands, operation, input)"""


def edges(cell: str, found: Node, where: Where, concat: Any) -> tuple[Edge, ...]:
    """The edges of a cell, two per node. `where` says where a node stands; concat: the states of the cell's output, as
    read. UserError where there are not two per node."""
    if not isinstance(found.value, list) or not found.value:
        raise UserError(f"genotype, {where(found)}, '{cell}': {short(found.plain())} found; {_TWO}")
    items = found.value
    if all(_is_list(item) and item.value and all(map(_is_list, item.value)) for item in items):
        nodes = [[_pair(cell, one, where) for one in item.value] for item in items]
    elif all(_is_list(item) and [type(one.value) for one in item.value] == [str, int, int] for item in items):
        nodes = _by_node(cell, items, where)
    else:
        return _flat(cell, found, where, concat)
    return tuple(edge for i, pairs in enumerate(nodes) for edge in _node(cell, i + 2, pairs, where(items[0]), where))


_TWO = "a cell is a list of [operation, input] pairs, two per node"


def _is_list(node: Node) -> bool:
    return isinstance(node.value, list)


def _flat(cell: str, found: Node, where: Where, concat: Any) -> tuple[Edge, ...]:
    pairs = [_pair(cell, one, where, i) for i, one in enumerate(found.value)]
    if nodes := _every_edge([source for _, _, source in pairs], concat):
        raise UserError(
            f"genotype, {where(found)}, '{cell}': all {len(pairs)} edges of {nodes} nodes are listed, and a node"
            " adds two: no space here has such cells; list the two that each node keeps"
        )
    if len(pairs) % 2:
        raise UserError(f"genotype, {where(found)}, '{cell}': {len(pairs)} pairs found; {_TWO}")
    return tuple(
        _edge(f"{where(of)}, '{cell}', pair {i}", operation, source, i // 2 + 2)
        for i, (of, operation, source) in enumerate(pairs)
    )


def _every_edge(sources: list[Any], concat: Any) -> int:
    """The nodes of a cell whose every node lists each state before it once; 0 for a cell with two inputs a node. Two
    nodes more than a cell's output has would be another cell."""
    nodes, start = 0, 0
    while start < len(sources):
        if set(map(str, sources[start : start + nodes + 2])) != {str(state) for state in range(nodes + 2)}:
            return 0
        start, nodes = start + nodes + 2, nodes + 1
    beyond = isinstance(concat, list) and any(type(state) is int and state > nodes + 1 for state in concat)
    return nodes if nodes > 1 and start == len(sources) and not beyond else 0


def _pair(cell: str, found: Node, where: Where, number: int | None = None) -> Pair:
    """Also as (input, operation), with a score behind, and with PR-DARTS' settings between."""
    parts = found.value if isinstance(found.value, list) else []
    if len(parts) == 3 and isinstance(parts[1].value, dict):
        return found, _set(cell, parts[0], parts[1], where), parts[2].plain()
    if len(parts) == 3 and isinstance(parts[2].value, float | None) and not isinstance(parts[2].value, bool):
        parts = parts[:2]
    if len(parts) != 2:
        which = "" if number is None else f", pair {number}"
        raise UserError(
            f"genotype, {where(found)}, '{cell}'{which}: {short(found.plain())} is not a pair [operation, input]"
        )
    operation, source = (part.plain() for part in parts)
    if type(operation) is int and isinstance(source, str):
        operation, source = source, operation
    return found, operation, source


def _set(cell: str, name: Node, settings: Node, where: Where) -> str:
    """PR-DARTS' ('conv', {'c_mul': [1], 'k': 3, 'dil': 1}) is DARTS' sep_conv_3x3."""
    kind, of = name.plain(), settings.plain()
    size = f"{of.get('k')}x{of.get('k')}"
    named: dict[tuple[Any, ...], str] = {
        **{("skip", None, None, None): "skip_connect", ("none", None, None, None): "none"},
        **{("pool", kind, None, None): f"{kind}_pool_{size}" for kind in ("max", "avg")},
        **{("conv", None, "[1]", 1): f"sep_conv_{size}", ("conv", None, "[]", 2): f"dil_conv_{size}"},
    }
    multipliers = str(of["c_mul"]) if "c_mul" in of else None
    found = named.get((kind, of.get("type_"), multipliers, of.get("dil")), "" if of else str(kind))
    if found not in OPERATIONS:
        raise UserError(
            f"genotype, {where(name)}, '{cell}': no space here has PR-DARTS' operation {short([kind, of])}; known:"
            f" {', '.join(OPERATIONS)}"
        )
    return found


def _by_node(cell: str, items: list[Node], where: Where) -> list[list[Pair]]:
    """FairDARTS' triples, in order of nodes."""
    last = max(item.value[1].value for item in items)
    nodes: list[list[Pair]] = [[] for _ in range(2, min(last, 100) + 1)]
    for item in items:
        operation, node, source = (part.plain() for part in item.value)
        if not 2 <= node <= 100:
            raise UserError(f"genotype, {where(item)}, '{cell}': node {node} does not exist; nodes are 2 and more")
        nodes[node - 2].append((item, operation, source))
    return nodes


def _node(cell: str, node: int, pairs: list[Pair], near: str, where: Where) -> list[Edge]:
    """The two edges of a node; a missing one is `none`, which adds nothing."""
    if not 1 <= len(pairs) <= 2:
        place = where(pairs[0][0]) if pairs else near
        raise UserError(
            f"genotype, {place}, '{cell}', node {node}: {len(pairs)} edges are listed, and a node adds two: no space"
            " here has such cells"
        )
    found = [_edge(f"{where(of)}, '{cell}', node {node}", operation, source, node) for of, operation, source in pairs]
    return found if len(found) == 2 else [*found, ("none", 0 if found[0][1] else 1)]


def _edge(where: str, operation: Any, source: Any, states: int) -> Edge:
    if isinstance(operation, str):
        operation = operation.replace("\\", "").replace(" ", "")
    if not isinstance(operation, str) or operation not in OPERATIONS:
        hint = nearest(operation, OPERATIONS) if isinstance(operation, str) else ""
        raise UserError(
            f"genotype, {where}: unknown operation {short(operation)}{hint}; known: {', '.join(OPERATIONS)}"
        )
    if isinstance(source, str) and source.isdecimal():
        source = int(source)
    if type(source) is not int or not 0 <= source < states:
        raise UserError(f"genotype, {where}: input {short(source)} does not exist there; inputs are 0 to {states - 1}")
    return operation, source


def nearest(name: str, names: tuple[str, ...]) -> str:
    """A hint, "(did you mean …?)" behind a space, with the names closest to a misspelt one; or an empty text."""
    close = difflib.get_close_matches(name, names, n=2)
    return f" (did you mean {' or '.join(close)}?)" if close else ""


def short(value: Any) -> str:
    """A value as JSON, cut to 60 characters so that a message stays one readable line."""
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
