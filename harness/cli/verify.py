"""`verify`: a snapshot checked against its records."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.base import command
from harness.cli.parts.values import PATH


@command(examples="python -m harness verify results/published/laptop-2026-11-29")
@click.argument("folder", type=PATH, metavar="FOLDER", help="A published snapshot.")
def verify(folder: Path) -> None:
    """Check that a snapshot's tables follow from its records.

    Makes the tables again and compares them byte by byte.
    """
    from harness import records
    from harness.records.belonging import code_of
    from harness.report import snapshot

    print(f"{folder}: {snapshot.verify(folder)} files come out of the records as they were published")
    print(code_of(map(records.read, records.below(folder / "records"))))
    print(f"cite as: {snapshot.citation(folder)}")
