"""`list`: what there is to choose from."""

from __future__ import annotations

import inspect
import re
from importlib import import_module

import click

from harness.cli.base import command
from harness.cli.parts.values import KINDS, names


@command(examples="python -m harness list methods")
@click.argument("kind", type=click.Choice(KINDS), metavar="KIND", help=f"One of {', '.join(KINDS)}.")
def list(kind: str) -> None:
    """List datasets, methods, protocols, proxies or spaces."""
    found = names(kind)
    width = max(map(len, found))
    for name in found:
        print(f"{name:{width}}  {_first_sentence(_text(kind, name))}")


def _text(kind: str, name: str) -> str:
    """What an entry says of itself: the docstring of its module."""
    from harness.plan import registry

    folders = {"datasets": "protocols.datasets", "protocols": "protocols"}
    if kind in folders:
        return import_module(f"{folders[kind]}.{name}").__doc__ or ""
    make = {"methods": registry.method, "proxies": registry.proxy, "spaces": registry.space}[kind]
    entry = make(name)
    return inspect.getdoc(inspect.getmodule(type(entry))) or ""


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=\.)\s+(?=[A-Z])", " ".join(text.split()))[0]
