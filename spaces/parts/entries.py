"""The folder is the registry: a file, or a folder with __init__.py, in spaces/, methods/, protocols/,
protocols/datasets/ or proxies/ is an entry and gives it its name. `base` and `parts` are none."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from spaces.base import UserError

ROOT = Path(__file__).resolve().parents[2]
NOT_ENTRIES = {"base", "parts", "datasets", "tables"}


@cache
def names(folder: str) -> tuple[str, ...]:
    """The entries of "spaces", "methods", "protocols", "protocols/datasets" or "proxies", sorted."""
    found = [path.stem for path in (ROOT / folder).glob("*.py")]
    found += [path.parent.name for path in (ROOT / folder).glob("*/__init__.py")]
    return tuple(sorted(name for name in found if not name.startswith("_") and name not in NOT_ENTRIES))


def refuse(what: str, name: str, known: Iterable[str], where: str = "") -> UserError:
    """The error for a name that nobody has: with the nearest names, or all of them."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"
    return UserError(f"{where}unknown {what} {name!r}: {hint}")


def entry(folder: str, name: str) -> Any:
    """The module of an entry. UserError for an unknown name."""
    if name not in names(folder):
        raise refuse({"proxies": "proxy"}.get(folder, folder.removesuffix("s")), name, names(folder))
    return import_module(f"{folder.replace('/', '.')}.{name}")


def entry_class(folder: str, name: str) -> Any:
    """The class of an entry: the name of its file in CamelCase."""
    wanted = "".join(part.capitalize() for part in name.split("_"))
    cls = getattr(entry(folder, name), wanted, None)
    if cls is None:
        raise UserError(f"{folder}/{name} has no class {wanted}: a file holds the class with its name in CamelCase")
    return cls
