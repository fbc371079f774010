"""Fingerprints of code: what decides a run's numbers is what the modules that search and train import, followed to the
end.

The imports are read from the files, those inside functions too; imports for type checkers alone do not run and do not
count. A module's hash is that of its meaning: comments, docstrings and layout are left out, and every version of Python
gives the same hash (a test keeps that of a fixed sample). A data file that a module names and that lies beside it, as
the kernels' C source does, belongs to the module as it stands.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from harness.plan.registry import ROOT

FOLLOWED = ("spaces", "protocols", "methods", "proxies", "harness")
"""The top-level packages whose modules decide numbers. Libraries are named by the record's versions instead."""
DIGITS = 12
"""Of a module's hash in a record."""
UNWRITTEN = {"kind", "type_comment", "type_ignores"}
"""Fields of a syntax tree without a meaning: u"" against "", comments for type checkers."""


def hash_of(value: Any) -> str:
    """sha256 of a value's canonical JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=list).encode()).hexdigest()


@cache
def modules(*roots: str) -> dict[str, str]:
    """The modules that these import, directly or through others, and these themselves, each with its hash:
    {"spaces.base": "0123456789ab", …}, sorted by name."""
    found: dict[str, str] = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name], imported = _read(name)
            waiting += imported
    return dict(sorted(found.items()))


@cache
def _read(module: str) -> tuple[str, tuple[str, ...]]:
    """(hash of a module, the modules of this project that it imports)."""
    path = _file(module)
    assert path, f"module {module} has no file"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    beside = [file.read_bytes() for file in _data_files(tree, path.parent)]
    written = json.dumps(_written(tree)).encode()
    digest = hashlib.sha256(b"\0".join([written, *beside])).hexdigest()[:DIGITS]
    return digest, tuple(sorted(set(_imported(tree, module))))


def _file(module: str) -> Path | None:
    """The file of a module of this project; None where the name is not one."""
    path = ROOT.joinpath(*module.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None


def _imported(tree: ast.AST, module: str) -> Iterator[str]:
    """Names of this project's modules that a tree imports, with the packages that hold them: importing runs these
    too."""
    for node in _run(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names] + [node.module or ""]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] in FOLLOWED:
                whole = [".".join(parts[: i + 1]) for i in range(len(parts))]
                yield from (part for part in whole if part != module and _file(part))


def _run(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a tree but for what stands under `if TYPE_CHECKING:`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).removeprefix("typing.") == "TYPE_CHECKING":
            yield from (inner for other in node.orelse for inner in (other, *_run(other)))
        else:
            yield node
            yield from _run(node)


def _data_files(tree: ast.AST, folder: Path) -> list[Path]:
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    named = sorted(text for text in texts if "." in text and "/" not in text and len(text) < 100)
    return [folder / name for name in named if Path(name).suffix not in ("", ".py") and (folder / name).is_file()]


def _written(node: Any) -> Any:
    """A syntax tree as nested lists. Empty fields are left out, so that what a version of Python adds changes nothing,
    and so are statements that are a mere text: docstrings."""
    if isinstance(node, ast.JoinedStr):  # Python 3.12 adds an empty text behind a nested field
        return ["JoinedStr", *(_written(part) for part in node.values if getattr(part, "value", None) != "")]
    if isinstance(node, ast.AST):
        fields = ((name, value) for name, value in ast.iter_fields(node) if name not in UNWRITTEN)
        kept = [[name, _written(value)] for name, value in fields if value is not None and value != []]
        return [type(node).__name__, *kept]
    if isinstance(node, list):
        return [_written(item) for item in node if not _is_text(item)]
    return repr(node)


def _is_text(node: Any) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
