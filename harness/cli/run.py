"""`run`: several searches and trainings of a benchmark, a batch of the pipeline."""

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
@click.argument("jobs", nargs=-1, required=True, metavar="JOB...", help="Paths below records/, without .json.")
@options.config
@options.override
def run(jobs: tuple[str, ...], config: Path, override: tuple[tuple[str, Any], ...]) -> None:
    """Run searches and trainings of a benchmark, one by one.

    The pipeline does this with each of its batches. What is finished is not run again. A job that fails writes a record
    that says why, and the exit status is 0.
    """
    from harness.plan import registry
    from harness.plan.jobs import slug
    from harness.running import batch, gpus
    from spaces.parts.cpu.numerics import NATIVE

    chosen = benchmark(config, override)
    wanted = {name.partition("/")[0] for name in jobs}  # of 20,000 jobs, those of another dataset need not be named
    some = [dataset for dataset in chosen.datasets if slug(dataset) in wanted] or chosen.datasets
    known = {job.name: job for dataset in some for job in chosen.jobs_of(dataset)}
    for name in jobs:
        if name not in known:
            raise registry.refuse("job", name, known, f"{config}: ")
    place = gpus.take() if any(known[name].mode == NATIVE for name in jobs) else None
    batch.run([known[name] for name in jobs], chosen.hours_a_job)
    if place:
        place.release()
