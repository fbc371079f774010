"""Architectures as texts on the command line."""

from __future__ import annotations

from typing import Any

from spaces.base import Space, UserError


def design(space: Space, name: str, text: str) -> Any:
    """The design that a text describes in the space of a name; UserError that also names the space that has it."""
    from harness.plan import registry

    try:
        return space.read(text)
    except UserError as error:
        others = [other for other in registry.names("spaces") if other != name and _has(other, text)]
        if not others:
            raise
        raise UserError(f"{error}; it is an architecture of {' and of '.join(others)}: --space {others[0]}") from None


def _has(name: str, text: str) -> bool:
    from harness.plan import registry

    try:
        return bool(registry.space(name).parse(text))
    except UserError:
        return False
