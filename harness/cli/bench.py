"""`bench`: how many times faster than the naive forms."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click

from harness.cli.base import command
from harness.cli.parts.values import PATH


@command(examples="python -m harness bench --json bench.json")
@click.option("--json", type=PATH, metavar="FILE", help="Write the table there too.")
def bench(json: Path | None) -> None:
    """Measure our steps against the naive forms, on this machine."""
    import_module("benchmarks.bench").run(json)  # by name: benchmarks import harness, never the other way round
