"""The folder is the registry: a file, or a folder with __init__.py, in spaces/, methods/, protocols/ or
protocols/datasets/ is an entry and gives it its name. `base` and `parts` are none."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from methods.base import Method
from protocols.base import Protocol, Version
from spaces.base import Space, UserError

ROOT = Path(__file__).resolve().parents[2]
NOT_ENTRIES = {"base", "parts", "datasets"}


@cache
def names(folder: str) -> tuple[str, ...]:
    """The entries of "spaces", "methods", "protocols" or "protocols/datasets", sorted."""
    found = [path.stem for path in (ROOT / folder).glob("*.py")]
    found += [path.parent.name for path in (ROOT / folder).glob("*/__init__.py")]
    return tuple(sorted(name for name in found if not name.startswith("_") and name not in NOT_ENTRIES))


def refuse(what: str, name: str, known: Iterable[str], where: str = "") -> UserError:
    """The error for a name that nobody has: with the nearest names, or all of them."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"
    return UserError(f"{where}unknown {what} {name!r}: {hint}")


def _entry(folder: str, name: str) -> Any:
    if name not in names(folder):
        raise refuse(folder.removesuffix("s"), name, names(folder))
    return import_module(f"{folder.replace('/', '.')}.{name}")


def entry_class(folder: str, name: str) -> Any:
    """The class of an entry: the name of its file in CamelCase."""
    wanted = "".join(part.capitalize() for part in name.split("_"))
    cls = getattr(_entry(folder, name), wanted, None)
    if cls is None:
        raise UserError(f"{folder}/{name} has no class {wanted}: a file holds the class with its name in CamelCase")
    return cls


def _construct(folder: str, name: str, fields: dict[str, Any]) -> Any:
    """An entry's class with some of its fields set; unknown names and wrong types are refused."""
    cls = entry_class(folder, name)
    known = getattr(cls, "__dataclass_fields__", {})
    for field in fields:
        if field not in known:
            raise refuse(f"parameter of {name}", field, known)
        values = fields[field] if isinstance(fields[field], list | tuple) else [fields[field]]
        if not all(math.isfinite(value) for value in values if isinstance(value, float)):
            raise UserError(f"parameter {field} of {name}: Input should be a finite number, got {fields[field]!r}")
    if not fields:
        return cls()
    from pydantic import ValidationError

    try:
        return _adapter(cls).validate_python(fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(
            f"parameter {'.'.join(map(str, first['loc']))} of {name}: {first['msg']}, got {first['input']!r}"
        ) from None


@cache
def _adapter(cls: type) -> Any:
    """Made once: pydantic needs 1 ms to read a dataclass, and a benchmark of 5,000 jobs asks 5,000 times."""
    from pydantic import TypeAdapter

    return TypeAdapter(cls)


def space(name: str, **fields: Any) -> Space:
    return _construct("spaces", name, fields)


def method(name: str, **fields: Any) -> Method:
    return _construct("methods", name, fields)


def protocol(name: str) -> Protocol:
    found = _entry("protocols", name).PROTOCOL
    if Version.parse(found.version).name != name:
        raise UserError(f"protocol {name} calls itself {found.version}: its version must start with {name}-")
    for setting in (found.default, *found.settings.values()):
        for method_name in setting.budget.epochs_of:
            if method_name not in names("methods"):
                raise refuse("method", method_name, names("methods"), f"protocol {name}, Budget.epochs_of: ")
    return found
