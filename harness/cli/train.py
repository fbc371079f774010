"""`train`: one training of the benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.base import command
from harness.cli.parts import options, texts
from harness.cli.parts.job import found_by, paths, search_job, told
from harness.cli.parts.values import COUNT, PAIR, RECORD, SEED

EXAMPLES = """
python -m harness train --protocol laptop --dataset digits --space enas --method enas --set samples=4 \\
    --search results/laptop/records/digits/enas/enas/search-0.json
python -m harness train --protocol laptop --dataset digits --space fbnet \\
    --arch "$(python -m harness sample --space fbnet)"
"""


@command(one_of=("search", "arch"), examples=EXAMPLES)
@options.protocol
@options.dataset
@options.space
@options.named("methods", "Name of the search method. With --arch a label.", default="by_hand")
@options.seed
@options.parameters
@options.numerics
@click.option("--search", type=RECORD, help="Record of the search that found the architecture. Either this or --arch.")
@options.arch()
@click.option("--cells", type=COUNT, help="Number of cells.  [default: the protocol's]")
@click.option(
    "--change",
    type=PAIR,
    multiple=True,
    metavar="PATH=VALUE",
    help="A change of the protocol's setting, such as tricks.cutout=0 or width=x1.4. Repeatable.",
)
@click.option("--repeat", type=SEED, default=0, help="Number of the training seed.")
@click.option("--keep-weights", is_flag=True, help="Write the trained weights beside the record: OUT.weights.pt.")
@options.places
@options.hours
def train(
    search: Path | None,
    arch: str | None,
    cells: int | None,
    change: tuple[tuple[str, Any], ...],
    repeat: int,
    keep_weights: bool,
    data: Path | None,
    out: Path | None,
    work: Path,
    hours: float | None,
    **axes: Any,
) -> int:
    """Train one architecture from scratch and write its record.

    The record has its test accuracy. A training that fails writes a record that says why, and the exit status is 1.
    """
    from dataclasses import replace

    from harness.plan import registry
    from harness.plan.jobs import Training
    from harness.running import job as running
    from protocols.parts.variants import check_installed

    found = search_job(**axes)
    if arch:
        texts.design(registry.space(found.space), found.space, arch)
    asked = {**dict(change), **({"cells": cells} if cells else {})}
    job = replace(Training.of(found, asked, repeat, arch or ""), keep_weights=keep_weights)
    check_installed(job.setting)
    source = found_by(search, found.space) if search else {"status": "done", "arch": arch}
    places = paths(job, data, out, work)
    return told(job, running.train(job, source, places, hours), places, "test_accuracy")
