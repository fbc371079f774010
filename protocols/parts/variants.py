"""Variants: named changes of a protocol's setting, which ablations are made of. Data, no torch.

A change is a dotted path below the setting and what stands there instead: `{cells: 20}`, `{tricks.cutout: 0}`,
`{recipe.lr: 0.1}`. A number is the new value, in the units of `protocols.base`: `width: 1.4` is 1.4 times the channels
that the space published, `image: 8` is 8 pixels. A text `x1.4` multiplies the protocol's own value, so that one variant
fits protocols and datasets whose settings differ; whole numbers are rounded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from importlib.util import find_spec
from typing import Any

from protocols.base import Setting
from spaces.base import UserError
from spaces.parts.entries import refuse

__all__ = ["Changes", "changes", "check_installed", "said", "varied"]

Changes = tuple[tuple[str, Any], ...]
"""(path, value) of each field that differs from the protocol's, sorted by path; values are absolute."""
OF_SEARCHES = ("budget", "search_width", "search_cells")
"""What a training does not depend on."""
FACTOR = re.compile(r"[x×](\d+(?:\.\d*)?(?:e-?\d+)?)")


def changes(setting: Setting, asked: Mapping[str, Any]) -> Changes:
    """The change that `asked`, values by path, makes of a setting; () where it makes none. UserError for an unknown
    path or an impossible value."""
    known = dict(_paths(setting))
    found = {}
    for path, value in asked.items():
        if path.split(".")[0] in OF_SEARCHES:
            raise UserError(f"{path} changes the search, and a variant changes trainings only: leave it out")
        if path not in known:
            raise refuse("path", str(path), known)
        found[path] = _value(path, value, known[path])
    made = tuple(sorted((path, value) for path, value in found.items() if value != known[path]))
    varied(setting, made)  # refuses what no setting can be
    return made


@cache
def varied(setting: Setting, made: Changes) -> Setting:
    """The setting with these changes."""
    for path, value in made:
        name, _, inner = path.partition(".")
        setting = replace(setting, **{name: replace(getattr(setting, name), **{inner: value}) if inner else value})
    return setting


def said(made: Changes) -> str:
    """A change as a text, such as "recipe.lr=0.1,tricks.cutout=0"; "" for none."""
    return ",".join(f"{path}={value}" for path, value in made)


def _paths(setting: Setting) -> Iterator[tuple[str, Any]]:
    for each in fields(setting):
        value = getattr(setting, each.name)
        if each.name in OF_SEARCHES:
            continue
        if is_dataclass(value):
            yield from ((f"{each.name}.{inner.name}", getattr(value, inner.name)) for inner in fields(value))
        else:
            yield each.name, value


def _value(path: str, value: Any, own: Any) -> Any:
    """Of the type of the protocol's own value."""
    number = isinstance(own, int | float) and not isinstance(own, bool)
    if number and isinstance(value, str) and (factor := FACTOR.fullmatch(value)):
        value = own * float(factor[1])
        return round(value) if isinstance(own, int) else value
    if number and not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value):
        if isinstance(own, float):
            return float(value)
        if value == int(value):
            return int(value)
    elif not number and type(value) is type(own):
        return value
    kinds = {
        int: "a whole number or a factor such as x2",
        float: "a number or a factor such as x1.4",
        bool: "true or false",
    }
    raise UserError(f"{path} must be {kinds.get(type(own), 'a text')}, got {value!r}")


def check_installed(setting: Setting) -> None:
    """UserError where a setting needs a library that is not there."""
    if setting.tricks.auto_augment and find_spec("torchvision") is None:
        raise UserError("tricks.auto_augment needs torchvision: pip install torchvision, or leave the policy out")
