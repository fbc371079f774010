"""`table`: tables of trained architectures, imported, made and described."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.base import command, group
from harness.cli.parts import options
from harness.cli.parts.job import prepared
from harness.cli.parts.values import COUNT, HOURS, PATH
from spaces.parts.cpu import numerics

IMPORT = """
python -m harness table import accuracies.csv.xz times_1000.csv.xz hw_nas_bench.csv.xz --into tables/nasbench201
python -m harness table import nas-bench-macro_cifar10.json --into tables/macro --validation test
python -m harness table import my-table.yaml results.csv --into tables/mine   # columns named in my-table.yaml
"""
MAKE = """
python -m harness table make --protocol tabular --dataset digits --space nasbench201 --into tables/digits
"""
DESCRIBE = "python -m harness table describe tables/nasbench201"


def _formats(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from protocols.tables.parts.importing import formats

    return [name for name in formats() if name.startswith(incomplete)]


@command(name="import", examples=IMPORT)
@click.argument("sources", type=PATH, nargs=-1, required=True, metavar="SOURCE...", help="Files or folders of a table.")
@click.option("--into", type=PATH, required=True, help="Folder to write.")
@click.option("--format", metavar="FORMAT", shell_complete=_formats, help="Kind of the sources.  [default: found]")
@click.option(
    "--validation",
    type=click.Choice(("own", "test")),
    default="own",
    help="With test, test accuracies answer searches where the sources have no others; every caption then says so.",
)
def import_(sources: tuple[Path, ...], into: Path, format: str | None, validation: str) -> None:
    """Read a table from its published files.

    Writes table.parquet and table.json. Sources without validation accuracies are refused without --validation test.
    """
    from harness.analysis.table_facts import missing
    from protocols.tables.parts.importing import import_table

    found = import_table(sources, into, format, validation)
    print(f"{into}: {len(found.archs):,} architectures of {found.space} on {', '.join(found.datasets)}")
    if gaps := missing(found):
        print(f"{gaps:,} architectures of the space have no validation accuracy: a search that asks for one stops")
    if found.warning:
        print(found.warning)


@command(examples=MAKE)
@options.protocol
@options.dataset
@options.space
@click.option("--into", type=PATH, required=True, help="Folder to write.")
@click.option("--seeds", type=COUNT, default=3, help="Runs of the sampled architectures; the others have one.")
@click.option("--sampled", type=COUNT, default=1000, help="Architectures with several runs, drawn at random.")
@click.option(
    "--data", type=PATH, help="The prepared dataset.  [default: work/data/DATASET-IMAGE, prepared if missing]"
)
@click.option("--work", type=PATH, default=Path("work"), help="Folder that keeps the trainings so far.")
@click.option(
    "--hours", type=HOURS, help="Write the table after so many hours with what is trained; run again to go on."
)
def make(into: Path, data: Path | None, work: Path, hours: float | None, **axes: Any) -> None:
    """Train every architecture of a space, and write the table.

    Equal architectures are trained once. Each is trained at every fidelity in epochs that the protocol's evaluations
    have, and has a validation and a test accuracy there. A run that was killed goes on.
    """
    from harness.plan.jobs import slug
    from harness.running.job import load_torch
    from harness.running.tabulation import Plan

    plan = Plan(**axes)
    plan.check(into)
    job = plan.job(0)
    numerics.choose(job.mode)
    folder = prepared(job, data)
    load_torch()
    from harness.running.tabulate import make

    journal = work / "tables" / f"{plan.protocol}-{slug(plan.dataset)}-{plan.space}.jsonl"
    table = make(plan, folder, into, journal, hours, lambda said: print(said, flush=True))
    print(f"{into}: {len(table.archs):,} architectures of {table.space} on {', '.join(table.datasets)}")


@command(examples=DESCRIBE)
@click.argument("folder", type=PATH, help="A folder that `table import` has written.")
def describe(folder: Path) -> None:
    """Print what a table holds.

    Rows, gaps, optima, means, medians, rank correlations between fidelities and with test accuracy, and seed noise.
    """
    from harness.analysis.table_facts import facts
    from protocols.tables.base import Table

    print(facts(Table.read(folder)))


@group()
def table() -> None:
    """Import, make and describe tables of trained architectures.

    A protocol can look accuracies up in such a table instead of training.
    """


table.add_command(import_)
table.add_command(make)
table.add_command(describe)
