"""`run`: several runs of a benchmark, a job of the pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.base import command
from harness.cli.parts import options
from harness.cli.parts.benchmark import benchmark

EXAMPLES = """
python -m harness run digits/darts/darts/search-0 digits/darts/darts/train-0-cells8-repeat0   # after `data`
"""


@command(examples=EXAMPLES, forks=True)
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", help="Paths below records/, without .json.")
@options.config
@options.override
def run(runs: tuple[str, ...], config: Path, override: tuple[tuple[str, Any], ...]) -> None:
    """Run searches and trainings of a benchmark, one by one.

    A job of the pipeline does this with its batch. What is finished is not run again. A run that fails writes a record
    that says why, and the exit status is 0.
    """
    from harness.plan import registry
    from harness.running import batch

    chosen = benchmark(config, override)
    known = {run.name: run for dataset in chosen.datasets for run in chosen.runs_of(dataset)}
    for name in runs:
        if name not in known:
            raise registry.refuse("run", name, known, f"{config}: ")
    batch.run([known[name] for name in runs], chosen.hours_a_job)
