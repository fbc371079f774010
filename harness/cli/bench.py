"""`bench`: how many times faster than the definitions."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click

from harness.cli.base import command
from harness.cli.parts.values import PATH
from spaces.parts.cpu import numerics as modes

EXAMPLES = """
python -m harness bench --json bench.json
python -m harness bench --only darts_first_order --only training_fbnet
"""


@command(examples=EXAMPLES)
@click.option("--only", multiple=True, metavar="NAME", help="A row to measure. Repeatable.  [default: all]")
@click.option("--numerics", type=click.Choice(modes.MODES), default=modes.PORTABLE, help="A GPU needs native ones.")
@click.option("--json", type=PATH, metavar="FILE", help="Write the table there too.")
def bench(only: tuple[str, ...], numerics: str, json: Path | None) -> None:
    """Measure our steps against plain PyTorch, on this machine.

    A row is how many times faster a step is than its definition in the faster of two memory layouts, or scores are than
    public code, and which share of the processor's peak it reaches. Both must compute the same; otherwise there is no
    ratio.
    """
    modes.choose(numerics)
    import_module("benchmarks.bench").run(json, only)  # by name: benchmarks import harness, never the other way round
