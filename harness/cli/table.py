"""`table`: tables of trained architectures, imported and described."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.base import command, group
from harness.cli.parts.values import PATH

IMPORT = """
python -m harness table import accuracies.csv.xz times_1000.csv.xz hw_nas_bench.csv.xz --into tables/nasbench201
python -m harness table import nas-bench-macro_cifar10.json --into tables/macro --validation test
python -m harness table import my-table.yaml results.csv --into tables/mine   # columns named in my-table.yaml
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
    """Import and describe tables of trained architectures.

    A protocol can look accuracies up in such a table instead of training.
    """


table.add_command(import_)
table.add_command(describe)
