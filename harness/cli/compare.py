"""`compare`: what moved between two results."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.base import command
from harness.cli.parts.values import PATH


@command(examples="python -m harness compare results/published/laptop-2026-11-30 results/laptop/records")
@click.argument("before", type=PATH, metavar="BEFORE", help="A snapshot, a folder of records, or a CSV.")
@click.argument("after", type=PATH, metavar="AFTER", help="The same of the other result.")
def compare(before: Path, after: Path) -> None:
    """Say what moved between two results, and if it is noise."""
    from harness.report import compare, typeset

    print(typeset.markdown(compare.compared(before, after)), end="")
