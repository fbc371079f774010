"""Spaces, methods, protocols and proxies by name, with the fields that a configuration sets."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from methods.base import Method
from protocols.base import Protocol, Version
from proxies.base import Proxy
from spaces.base import Space, UserError
from spaces.parts.declared import PREFIX, declared
from spaces.parts.entries import ROOT, entry, entry_class, names, refuse

__all__ = ["ROOT", "entry_class", "method", "names", "parameters", "protocol", "proxy", "refuse", "space"]


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
    """`file:PATH` is the space that a YAML file declares."""
    if name.startswith(PREFIX):
        for field in fields:
            raise refuse(f"parameter of {name}", field, ())
        return declared(name)
    return _construct("spaces", name, fields)


def proxy(name: str, **fields: Any) -> Proxy:
    """A proxy by name; `fields` set its constants. UserError for an unknown name or field."""
    return _construct("proxies", name, fields)


def known_space(name: str) -> bool:
    """Whether there is such a space, today."""
    if not name.startswith(PREFIX):
        return name in names("spaces")
    try:
        return bool(declared(name))
    except UserError:
        return False


def method(name: str, **fields: Any) -> Method:
    return _construct("methods", name, fields)


def parameters(method_name: str, fields: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    """The fields of a method that a user sets, as sorted pairs with values of the fields' own types, which can be
    hashed. UserError as in `method`."""
    return tuple((field, getattr(method(method_name, **fields), field)) for field in sorted(fields))


def protocol(name: str) -> Protocol:
    found = entry("protocols", name).PROTOCOL
    if Version.parse(found.version).name != name:
        raise UserError(f"protocol {name} calls itself {found.version}: its version must start with {name}-")
    for setting in (found.default, *found.settings.values()):
        for method_name in setting.budget.epochs_of:
            if method_name not in names("methods"):
                raise refuse("method", method_name, names("methods"), f"protocol {name}, Budget.epochs_of: ")
    return found
