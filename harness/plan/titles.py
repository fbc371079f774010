"""Names as readers see them: "Single-Path NAS" for `single_path`.

An entry's name for readers stands where its text begins, in front of a colon: methods/single_path.py begins with
"Single-Path NAS: one superkernel per layer, …". So a new file brings its own. What begins otherwise, and names of other
people's results, are shown as they are. Nothing is imported: a text is read from the file.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from functools import cache

from harness.plan.jobs import RANDOM
from harness.plan.registry import ROOT, names

BEGINNING = re.compile(r"(?P<title>[^:.\n]{1,40}): ")
"""Longer ones are sentences."""


@cache
def title(folder: str, name: str) -> str:
    """The name for readers of an entry of the folder "methods", "spaces", "protocols/datasets" …; `name` itself where
    there is no such entry, or where its text does not begin with one."""
    if name not in names(folder):
        return name
    path = ROOT / folder / f"{name}.py"
    text = (path if path.is_file() else ROOT / folder / name / "__init__.py").read_text(encoding="utf-8")
    found = BEGINNING.match(ast.get_docstring(ast.parse(text)) or "")
    return found["title"] if found else name


def method(name: str) -> str:
    return title("methods", name)


def space(name: str) -> str:
    return title("spaces", name)


def dataset(name: str) -> str:
    return title("protocols/datasets", name)


def random_in(space_name: str) -> str:
    """ "random in DARTS": the random architectures of a space."""
    return f"random in {space(space_name)}"


def of(name: str, space_name: str) -> str:
    """A method in its space: "PC-DARTS in DARTS", or "DARTS" where both have one name; random sampling as in
    `random_in`."""
    if name == RANDOM:
        return random_in(space_name)
    return method(name) if method(name) == space(space_name) else f"{method(name)} in {space(space_name)}"


COLUMNS: dict[str, Callable[[str], str]] = {
    "method": method,
    "architectures": method,
    "space": space,
    "dataset": dataset,
}
"""What stands in a column of a table with this header -> its name for readers."""
