"""Values as Python, numpy, torch and JSON print them, read without running anything, with places in the text."""

from __future__ import annotations

import ast
import re
import unicodedata
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

NOTHING = "this is no text, number, list or dictionary"
DEPTH = 12
"""Nested brackets at most."""
QUOTES = {**dict.fromkeys("‘’‚‛`´′", "'"), **dict.fromkeys("“”„‟«»″", '"'), "−": "-", "–": "-"}
CONSTANTS = {"None": None, "null": None, "True": True, "true": True, "False": False, "false": False}
WRAPPERS = {"list", "tuple", "sorted", "int", "str", "array", "tensor", "asarray", "as_tensor", "Tensor"}
NUMPY = re.compile(r"u?int(8|16|32|64)?_?|intp|longlong|str_|bytes_|object_")
"""Calls of these are their first argument, whatever else is said of type and device."""


class Unreadable(ValueError):
    """A text that is no value. `place`: where in the text."""

    def __init__(self, place: tuple[int, int], reason: str) -> None:
        super().__init__(reason)
        self.place = place


@dataclass(frozen=True)
class Node:
    """`value`: a text, number, bool or None; a list of nodes; or a dict of nodes, of which calls with names are one
    too. `place`: line and column, from 1."""

    value: Any
    place: tuple[int, int]

    def plain(self) -> Any:
        """The value without places."""
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return {key: node.plain() for key, node in self.value.items()} if isinstance(self.value, dict) else self.value


def tidied(text: str) -> str:
    """Typographic quotes, spaces and full-width letters as plain ones, character by character, so that places stay."""
    shown = re.sub(r"\x1b\[[0-9;]*m|<[^<>\n]*>", lambda match: "0" + " " * (len(match[0]) - 1), text)
    return "".join(map(_plain, shown))


def _plain(character: str) -> str:
    if character in QUOTES:
        return QUOTES[character]
    if character.isascii():
        return character
    simple = unicodedata.normalize("NFKC", character)
    if simple.isascii() and len(simple) == 1:
        return simple
    return " " if unicodedata.category(character) in ("Zs", "Zl", "Zp", "Cf") else "?"


def closing(text: str, start: int) -> int:
    """Where the value that begins at `start` ends, behind its last bracket. Unreadable where a bracket stays open."""
    opened: list[int] = []
    for match in re.finditer(r"#[^\n]*|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"|[(\[{]|[)\]}]", text[start:]):
        if match[0] in "([{":
            opened.append(start + match.start())
        elif match[0] in ")]}":
            opened = opened[:-1]
            if not opened:
                return start + match.end()
    raise Unreadable(place(text, opened[-1]), f"'{text[opened[-1]]}' is never closed")


def place(text: str, at: int) -> tuple[int, int]:
    """Line and column, from 1, of a character."""
    return text[:at].count("\n") + 1, at - text.rfind("\n", 0, at)


def read(text: str, start: int, end: int) -> Node:
    """The value in text[start:end]; Unreadable says where in `text` it is none. text: `tidied`."""
    before = re.sub(r"[^\n]", " ", text[:start])
    code = f"({before[1:] if start else ''}{text[start:end]}\n)"  # inside brackets, lines may begin anywhere
    code = re.sub(r"(?<=\d)[ \t](?=[ \t]*\d)", ",", code)  # numpy prints [2 3 4 5]
    shift = 0 if start else 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = ast.parse(code, mode="eval").body
        return _Reader(shift).node(found, 0)
    except SyntaxError as error:
        line, column = error.lineno or 1, error.offset or 1
        raise Unreadable((line, column - shift * (line == 1)), error.msg) from None
    except (ValueError, MemoryError, RecursionError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable((1, 1), "a number is too long or brackets are nested too deeply") from None


class _Reader:
    def __init__(self, shift: int) -> None:
        self._shift = shift

    def _place(self, found: Any) -> tuple[int, int]:
        return found.lineno, found.col_offset + 1 - self._shift * (found.lineno == 1)

    def node(self, found: Any, depth: int) -> Node:
        return Node(self._value(found, depth + 1), self._place(found))

    def _value(self, found: Any, depth: int) -> Any:
        if depth > DEPTH:
            raise Unreadable(self._place(found), "brackets are nested too deeply")
        if isinstance(found, ast.Constant):
            value = found.value
            return value.decode("latin-1") if isinstance(value, bytes) else value
        if isinstance(found, ast.List | ast.Tuple):
            return [self.node(item, depth) for item in found.elts]
        if isinstance(found, ast.Dict):
            return self._dict(found, zip(found.keys, found.values), depth)
        if isinstance(found, ast.Name):
            return CONSTANTS.get(found.id, found.id)
        if isinstance(found, ast.UnaryOp | ast.BinOp):
            return self._number(found, depth)
        if isinstance(found, ast.Call):
            return self._call(found, depth)
        raise Unreadable(self._place(found), NOTHING)

    def _dict(self, found: Any, pairs: Iterator[tuple[Any, Any]], depth: int) -> dict[str, Node]:
        values: dict[str, Node] = {}
        for key, value in pairs:
            name = key if isinstance(key, str) else self._value(key, depth) if key is not None else None
            name = name.strip() if isinstance(name, str) else name
            if not isinstance(name, str):
                raise Unreadable(self._place(key or found), "a key is no text")
            if name in values:
                raise Unreadable(self._place(value), f'the key "{name}" is there twice; keep one')
            values[name] = self.node(value, depth)
        return values

    def _number(self, found: ast.UnaryOp | ast.BinOp, depth: int) -> int:
        """-1, and 2 + 4 as code says it."""
        if not isinstance(found.op, ast.Add | ast.Sub | ast.USub):
            raise Unreadable(self._place(found), NOTHING)
        sides = [found.operand] if isinstance(found, ast.UnaryOp) else [found.left, found.right]
        numbers = [self._value(side, depth) for side in sides]
        if not all(type(number) is int for number in numbers):
            raise Unreadable(self._place(found), NOTHING)
        if isinstance(found.op, ast.Add):
            return sum(numbers)
        return -numbers[0] if len(numbers) == 1 else numbers[0] - numbers[1]

    def _call(self, found: ast.Call, depth: int) -> Any:
        name = ast.unparse(found.func).rpartition(".")[2]
        if name == "range":
            return self._range(found, depth)
        if name in WRAPPERS or NUMPY.fullmatch(name):
            if not found.args:
                return []
            return self._value(found.args[0], depth)
        named = self._dict(found, ((word.arg, word.value) for word in found.keywords), depth)
        if not re.fullmatch(r"dict|[A-Z]\w*", name):
            raise Unreadable(self._place(found), NOTHING)
        if name in ("dict", "OrderedDict") and len(found.args) == 1:
            return self._pairs(found.args[0], depth) | named
        if found.args and named:
            raise Unreadable(self._place(found), f"{name}(…) has values with and without names")
        return named or [self.node(item, depth) for item in found.args]

    def _pairs(self, found: Any, depth: int) -> dict[str, Node]:
        """Of dict([('normal', …), …]) and of dict({…})."""
        value = self._value(found, depth)
        if isinstance(value, dict):
            return value
        if not isinstance(value, list) or not all(isinstance(one.value, list) and len(one.value) == 2 for one in value):
            raise Unreadable(self._place(found), "this is no list of (key, value)")
        return {str(one.value[0].value): one.value[1] for one in value}

    def _range(self, found: ast.Call, depth: int) -> list[Node]:
        ends = [self._value(end, depth) for end in found.args]
        if not 1 <= len(ends) <= 3 or not all(type(end) is int and abs(end) < 1000 for end in ends) or ends[2:] == [0]:
            raise Unreadable(self._place(found), "range takes one to three small whole numbers")
        return [Node(state, self._place(found)) for state in range(*ends)]
