"""`frontier`: the weight of a cost term that finds a wanted cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from harness.cli.base import command
from harness.cli.parts import options
from harness.cli.parts.job import paths, search_job
from harness.cli.parts.values import COUNT

EXAMPLES = """
python -m harness frontier --protocol laptop --dataset digits --space single_path --method single_path \\
    --low 0.01 --high 100 --macs 900000
"""


@command(examples=EXAMPLES)
@options.protocol
@options.dataset
@options.space
@options.method
@options.seed
@options.parameters
@options.numerics
@click.option("--field", default="cost_weight", help="The field of the method to search.")
@click.option("--low", type=float, required=True, help="A value that finds too costly architectures.")
@click.option("--high", type=float, required=True, help="A value that finds too cheap architectures.")
@click.option("--macs", type=COUNT, required=True, help="The wanted multiply-adds, at the retraining size.")
@click.option("--tolerance", type=float, default=0.05, help="Allowed distance, as a fraction of --macs.")
@click.option("--most", type=COUNT, default=8, help="Most searches to make.")
@options.places
def frontier(
    field: str,
    low: float,
    high: float,
    macs: int,
    tolerance: float,
    most: int,
    data: Path | None,
    out: Path | None,
    work: Path,
    **axes: Any,
) -> None:
    """Find the cost weight whose architecture has the wanted cost.

    A bisection; each step is a search.
    """
    from harness.report.frontier import write
    from harness.running import frontier

    job = search_job(**axes)
    out = out or Path("results", job.protocol, "frontier", job.folder)
    frontier.check(low, high)
    probe = frontier.prober(job, field, paths(job, data, out, work).data, out, work)
    found = frontier.bisect(probe, low, high, macs, tolerance, most)
    write(found, field, macs, out)
    best = min(found, key=lambda one: abs(one.macs - macs))
    off = round(best.macs / macs - 1, 4)  # beyond --tolerance where --most searches found nothing nearer
    print(json.dumps({field: best.value, "macs": best.macs, "off": off, "arch": best.arch}))
