"""Genotypes: how the literature writes the cells of DARTS, NASNet, AmoebaNet and ENAS (quark0/darts, genotypes.py)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from spaces.base import UserError
from spaces.parts.genotype_cells import OPERATIONS, Edge, Where, edges, nearest, short
from spaces.parts.literals import Node, Unreadable, closing, place, read, tidied

__all__ = ["KEYS", "OPERATIONS", "Edge", "Genotype", "nearest", "read_genotype", "write_genotype"]

FORMS = (
    r"\b\w*Genotype\w*\s*\(",
    r"\b(?:\w+\.)*\w+\s*\(\s*normal\w*\s*=|\b(?:Ordered)?[dD]ict\s*\(",
    r"\{|[\[(]\s*[\[({]",
)
"""How a genotype begins: with its class, else as a call with names or a dictionary, else as a list of lists."""
KEYS = ("normal", "normal_concat", "reduce", "reduce_concat")


@dataclass(frozen=True)
class Genotype:
    """Two cells. A cell is a sequence of (operation, input) pairs, two per node in node order. Inputs are states: 0 and
    1 are the two previous cells, 2 and more the nodes. `…_concat` lists the states that are concatenated to the cell's
    output."""

    normal: tuple[Edge, ...]
    normal_concat: tuple[int, ...]
    reduce: tuple[Edge, ...]
    reduce_concat: tuple[int, ...]


def write_genotype(genotype: Genotype) -> str:
    """A genotype as JSON on one line, keys in the order of `Genotype`."""
    return json.dumps({key: getattr(genotype, key) for key in KEYS})


def read_genotype(text: str) -> Genotype:
    """The genotype of a text: JSON, Python's `Genotype(normal=[…], …)` and a dict of the same, as the literature, numpy
    and torch print them, also inside a line of a log, an assignment or a record. Any number of nodes, any inputs and
    any concatenation are read. UserError names the position of a mistake."""
    try:
        return _genotype(_found(tidied(text)), lambda node: _where(node.place, text))
    except Unreadable as error:
        where = _where(error.place, text)
        raise UserError(f"genotype is not readable at {where}: {str(error)[:120]}; {_FORM}") from None


def _found(text: str) -> Node:
    """The one value in the text that is a genotype."""
    try:
        start = _start(text)
        end = closing(text, start)
        node = read(text, start, end)
    except Unreadable:
        if "\\" not in text:
            raise
        return _found(re.sub(r"\\(.)", lambda match: f" {match[1]}" if match[1] in "\"'" else "  ", text))
    if more := re.search(r"\w*(Genotype|normal|reduce|_conv_|_pool_)", text[end:]):
        raise Unreadable(place(text, end + more.start()), "the text goes on behind a whole genotype: give one alone")
    for key in ("genotype", "arch"):
        if isinstance(node.value, dict) and key in node.value:
            inner = node.value[key]
            return _found(tidied(inner.value)) if isinstance(inner.value, str) else inner
    return node


def _start(text: str) -> int:
    for form in FORMS:
        if match := re.search(form, text):
            return match.start()
    raise Unreadable((1, 1), "there is no bracket" if text.strip() else "the text is empty")


def _genotype(node: Node, where: Where) -> Genotype:
    data = node.value
    if isinstance(data, list) and len(data) == len(KEYS):  # a tuple, or PR-DARTS' JSON
        data = dict(zip(KEYS, data))
    if not isinstance(data, dict):
        raise UserError(f"genotype is {short(node.plain())}, not an object; {_FORM}")
    for key, value in data.items():
        if key not in KEYS and value.plain() not in (None, ""):  # AutoDL's connects=None says nothing
            raise UserError(
                f"genotype has an unknown key {short(key)}{nearest(key, KEYS)} at {where(value)}; the keys"
                f" are {', '.join(KEYS)}"
            )
    for key in KEYS:
        if key not in data:
            raise UserError(f"genotype lacks the key '{key}'; {_FORM}")
    cells: dict[str, Any] = {}
    for cell in ("normal", "reduce"):
        key = f"{cell}_concat"
        states = data[key].plain()
        cells[cell] = edges(cell, data[cell], where, states)
        cells[key] = _concat(f"{where(data[key])}, '{key}'", states, len(cells[cell]) // 2)
    return Genotype(**cells)


def _where(place: tuple[int, int], text: str) -> str:
    return f"line {place[0]}, column {place[1]}" if "\n" in text.strip() else f"column {place[1]}"


_FORM = (
    "Genotype(normal=[('sep_conv_3x3', 0), …], normal_concat=range(2, 6), reduce=[…], reduce_concat=range(2, 6)) is the"
    " form"
)


def _concat(where: str, states: Any, nodes: int) -> tuple[int, ...]:
    if not isinstance(states, list) or not states:
        raise UserError(f"genotype, {where}: {short(states)} is not a list of states, such as [2, 3, 4, 5]")
    for state in states:
        if type(state) is not int or not 0 <= state < nodes + 2:
            raise UserError(f"genotype, {where}: state {short(state)} does not exist; states are 0 to {nodes + 1}")
    if len(set(states)) < len(states):
        raise UserError(f"genotype, {where}: {short(states)} names a state twice; name each once")
    return tuple(states)
