"""`rebuild`: a snapshot's tables and figures made again."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.base import command
from harness.cli.parts.values import PATH


@command(examples="python -m harness rebuild results/published/laptop-2026-11-30")
@click.argument("folder", type=PATH, metavar="FOLDER", help="A published snapshot.")
def rebuild(folder: Path) -> None:
    """Make a snapshot's tables and figures again from its records.

    For a snapshot whose tables were made by older code.
    """
    from harness.report import snapshot

    print(f"{folder}: {snapshot.rebuild(folder)} tables and figures made anew from its records")
