"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from harness.cli.parts.values import ARCH, COUNT, DATASET, HOURS, PAIR, PATH, SEED, Entry, completing
from spaces.parts.cpu.numerics import MODES

Decorator = Callable[[Any], Any]


def several(*decorators: Decorator) -> Decorator:
    """As one decorator, in the order of the help."""

    def decorate(function: Any) -> Any:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def named(kind: str, help: str, **settings: Any) -> Decorator:
    """An option for the name of an entry, such as --space, which the shell can complete."""
    name = kind.removesuffix("s")
    settings.setdefault("type", Entry(kind))
    return click.option(f"--{name}", metavar=name.upper(), shell_complete=completing(kind), help=help, **settings)


def arch(more: str = "", *names: str, **settings: Any) -> Decorator:
    """--arch, which commands describe in their own way."""
    help = f"An architecture in the literature's notation. {more}".strip()
    return click.option("--arch", *names, type=ARCH, metavar="ARCH", help=help, **settings)


space = named("spaces", "Name of a search space, or file:PATH of one that a file declares.", required=True)
protocol = named("protocols", "Name of the protocol: sizes, budgets and recipes.", required=True)
dataset = named("datasets", "Name of a dataset, or folder:PATH for a folder of images.", required=True, type=DATASET)
method = named("methods", "Name of the search method.", required=True)
seed = click.option("--seed", type=SEED, default=0, help="Number of the run: it decides everything random.")

parameters = click.option(
    "--set",
    "parameters",
    type=PAIR,
    multiple=True,
    metavar="FIELD=VALUE",
    help="A field of the method. Repeatable.",
)
numerics = click.option(
    "--numerics", type=click.Choice(MODES), help="The same bits everywhere, or speed.  [default: the protocol's]"
)
places = several(
    click.option("--data", type=PATH, help="The prepared dataset.  [default: work/data/DATASET-IMAGE]"),
    click.option("--out", type=PATH, help="Where to write.  [default: below results/PROTOCOL/]"),
    click.option("--work", type=PATH, default=Path("work"), help="Folder of checkpoints and finished records."),
)
hours = click.option("--hours", type=HOURS, help="Time limit: a longer job ends as a timeout.  [default: none]")

config = click.option("--config", type=PATH, default=Path("config/default.yaml"), help="The benchmark's configuration.")
override = click.option(
    "--override", type=PAIR, multiple=True, metavar="KEY=VALUE", help="A key of the configuration. Repeatable."
)
records = several(
    click.option("--records", type=PATH, help="A folder of records, or a CSV of results. Either this or --config."),
    click.option("--config", type=PATH, help="A configuration: the records of its benchmark, checked against it."),
    override,
)
"""With `one_of=RECORDS`; `parts.benchmark.records` turns them into what was asked for."""

RECORDS = ("records", "config")


def size(name: str, help: str) -> Decorator:
    """A size of the network, of which the space knows a default."""
    return click.option(f"--{name}", type=COUNT, help=f"{help}  [default: as published for the space]")
