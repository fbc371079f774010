"""Genotypes: how the literature writes the cells of DARTS, NASNet, AmoebaNet and ENAS (quark0/darts, genotypes.py)."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from typing import Any

from spaces.base import UserError

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
    """The genotype of a JSON text or of Python's `Genotype(normal=[…], …)`, as the literature prints it. Any number of
    nodes, any inputs and any concatenation are read. UserError names the position of a mistake."""
    try:
        data = json.loads(_as_json(text), object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise UserError(f"genotype is not JSON at {where}: {error.msg}; {_FORM}") from None
    except UserError:
        raise
    except (ValueError, RecursionError):
        raise UserError(
            f"genotype is not readable JSON: a number is too long or brackets are nested too deeply; {_FORM}"
        ) from None
    if not isinstance(data, dict):
        raise UserError(f"genotype is a JSON {type(data).__name__}, not an object; {_FORM}")
    for key in data:
        if key not in KEYS:
            raise UserError(
                f"genotype has an unknown key {_short(key)}{nearest(key, KEYS)}; the keys are {', '.join(KEYS)}"
            )
    for key in KEYS:
        if key not in data:
            raise UserError(f"genotype lacks the key '{key}'; {_FORM}")
    cells: dict[str, Any] = {}
    for cell in ("normal", "reduce"):
        cells[cell] = _edges(cell, data[cell])
        cells[f"{cell}_concat"] = _concat(f"{cell}_concat", data[f"{cell}_concat"], len(cells[cell]) // 2)
    return Genotype(**cells)


def _as_json(text: str) -> str:
    """`Genotype(normal=[('sep_conv_3x3', 0), …], normal_concat=range(2, 6), …)` as JSON; any other text as it is."""
    inside = re.fullmatch(r"\s*Genotype\s*\((.*)\)\s*", text, re.DOTALL)
    if inside is None:
        return text
    text = re.sub(r"range\((\d{1,3}),\s*(\d{1,3})\)", lambda m: str(list(range(int(m[1]), int(m[2])))), inside[1])
    text = re.sub(r"(\w+)\s*=", r'"\1": ', text).replace("'", '"').replace("(", "[").replace(")", "]")
    return "{" + re.sub(r",\s*(?=[\]}]|$)", "", text.strip()) + "}"


def nearest(name: str, names: tuple[str, ...]) -> str:
    """A hint, "(did you mean …?)" behind a space, with the names closest to a misspelt one; or an empty text."""
    close = difflib.get_close_matches(name, names, n=2)
    return f" (did you mean {' or '.join(close)}?)" if close else ""


_FORM = '{"normal": [["sep_conv_3x3", 0], …], "normal_concat": [2, …], "reduce": …, "reduce_concat": …} is the form'


def _edges(cell: str, pairs: Any) -> tuple[Edge, ...]:
    if not isinstance(pairs, list) or not pairs or len(pairs) % 2:
        found = f"{len(pairs)} pairs" if isinstance(pairs, list) else _short(pairs)
        raise UserError(
            f"genotype, '{cell}': {found} found; a cell is a list of [operation, input] pairs, two per node"
        )
    return tuple(_edge(f"'{cell}', pair {i}", pair, i // 2 + 2) for i, pair in enumerate(pairs))


def _edge(where: str, pair: Any, states: int) -> Edge:
    if not isinstance(pair, list) or len(pair) != 2:
        raise UserError(f"genotype, {where}: {_short(pair)} is not a pair [operation, input]")
    operation, source = pair
    if not isinstance(operation, str) or operation not in OPERATIONS:
        hint = nearest(operation, OPERATIONS) if isinstance(operation, str) else ""
        raise UserError(
            f"genotype, {where}: unknown operation {_short(operation)}{hint}; known: {', '.join(OPERATIONS)}"
        )
    if type(source) is not int or not 0 <= source < states:
        raise UserError(f"genotype, {where}: input {_short(source)} does not exist there; inputs are 0 to {states - 1}")
    return operation, source


def _concat(key: str, states: Any, nodes: int) -> tuple[int, ...]:
    if not isinstance(states, list) or not states:
        raise UserError(f"genotype, '{key}': {_short(states)} is not a list of states, such as [2, 3, 4, 5]")
    for state in states:
        if type(state) is not int or not 0 <= state < nodes + 2:
            raise UserError(f"genotype, '{key}': state {_short(state)} does not exist; states are 0 to {nodes + 1}")
    if len(set(states)) < len(states):
        raise UserError(f"genotype, '{key}': {_short(states)} names a state twice; name each once")
    return tuple(states)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object. json.loads would silently keep the last value of a key that occurs twice."""
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise UserError(f"genotype has the key {_short(key)} twice; keep one")
    return dict(pairs)


def _short(value: Any) -> str:
    """A value as JSON, cut to 60 characters so that a message stays one readable line."""
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
