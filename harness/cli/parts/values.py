"""What the values of options can be."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

KINDS = ("datasets", "methods", "protocols", "proxies", "spaces")


def names(kind: str) -> tuple[str, ...]:
    """The entries of one of KINDS."""
    if kind == "datasets":
        from harness.plan import datasets

        return datasets.names()
    from harness.plan import registry

    return registry.names(kind)


def completing(kind: str) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Offers the shell the entries of one of KINDS. (A wrong name is refused later, by who looks it up.)"""
    return lambda ctx, param, incomplete: [name for name in names(kind) if name.startswith(incomplete)]


class Entry(click.ParamType[str]):
    """The name of an entry of one of KINDS."""

    def __init__(self, kind: str) -> None:
        self.name, self.kind = kind, kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from harness.plan import spelling

        spelling.check(self.kind, str(value))
        return str(value)


class Count(click.ParamType[int]):
    """A whole number, `least` or more."""

    name = "number"

    def __init__(self, least: int = 1) -> None:
        self.least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value)
        if not text.isdecimal() or int(text) < self.least:
            self.fail(f"{text!r} is not a whole number of at least {self.least}.", param, ctx)
        return int(text)


class Hours(click.ParamType[float]):
    """A number of hours above 0."""

    name = "hours"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            if 0 < (hours := float(value)) < math.inf:
                return hours
        except ValueError:
            pass
        self.fail(f"{value!r} is not a number of hours above 0.", param, ctx)


class Pair(click.ParamType[tuple[str, Any]]):
    """FIELD=VALUE as a pair; the value is JSON where it can be read as such, else text."""

    name = "field=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Any]:
        if isinstance(value, tuple):  # converted already
            return value
        field, equals, text = value.partition("=")
        if not equals:
            self.fail(f"{value!r} is not of the form {param.metavar if param else 'FIELD=VALUE'}.", param, ctx)
        try:
            return field, json.loads(text)
        except ValueError:
            return field, text


class Place(click.Path):
    """A path; `~` is the home folder also behind an equals sign, where shells leave it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(Path(value).expanduser(), param, ctx)


class Record(Place):
    """The file of a record. Nobody shall be told to delete another one, and to run again what has made it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        path = super().convert(value, param, ctx)
        if path.suffix != ".json":
            self.fail(f"{path} is no record: the name of one ends in .json.", param, ctx)
        return path


class Named(click.ParamType[str]):
    """The name of a dataset: one for all ways to write it."""

    name = "dataset"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from harness.plan import datasets

        return datasets.same(str(value))


class Text(click.ParamType[str]):
    """An architecture; the exports of other programs in the literature's notation."""

    name = "arch"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from harness.cli.parts.notations import plain

        text = str(value)
        if len(text) < 200 and "\0" not in text and Path(text).is_file():
            self.fail(f'{text} is a file: give what it holds: "$(cat {text})".', param, ctx)
        return plain(text)


COUNT, SEED, HOURS = Count(), Count(0), Hours()
PAIR = Pair()
DATASET = Named()
ARCH = Text()
PATH, RECORD = Place(path_type=Path), Record(path_type=Path)
