"""`verify`: a snapshot checked against its records, or a table against its checksums."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.base import command
from harness.cli.parts.values import PATH


@command(examples="python -m harness verify results/published/laptop-2026-11-30")
@click.argument("folder", type=PATH, metavar="FOLDER", help="A published snapshot or table.")
def verify(folder: Path) -> None:
    """Check that a snapshot's tables follow from its records.

    Makes the tables again and compares them byte by byte. Of a table of trained architectures it checks the sums.
    """
    from harness.records import sums
    from harness.records.belonging import code_of
    from protocols.tables.base import FACTS, Table

    if (folder / FACTS).is_file():
        sums.check(folder)
        table = Table.read(folder)
        print(f"{folder}: as it was made, {len(table.archs):,} architectures of {table.space}")
        return
    from harness import records
    from harness.report import snapshot

    print(f"{folder}: {snapshot.verify(folder)} files come out of the records as they were published")
    print(code_of(map(records.read, records.below(folder / "records"))))
    print(f"cite as: {snapshot.citation(folder)}")
