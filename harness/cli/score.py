"""`score`: what proxies say of architectures."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.base import command
from harness.cli.parts import options
from harness.cli.parts.job import prepared
from harness.cli.parts.values import COUNT, PATH, completing
from spaces.base import UserError
from spaces.parts.cpu import numerics as modes

EXAMPLES = """
python -m harness score --protocol laptop --dataset digits --space nasbench201 -n 20
python -m harness score --protocol laptop --dataset digits --space fbnet --proxy params --proxy synflow \\
    --arch "$(python -m harness sample --space fbnet)"
"""


@command(examples=EXAMPLES)
@options.protocol
@options.dataset
@options.space
@click.option(
    "--proxy",
    "proxies",
    multiple=True,
    metavar="PROXY",
    shell_complete=completing("proxies"),
    help="Name of a proxy. Repeatable.  [default: all that score an untrained network]",
)
@options.arch("Repeatable.", "texts", multiple=True)
@click.option("-n", "count", type=COUNT, default=10, help="How many random ones, without --arch.")
@options.seed
@options.numerics
@click.option(
    "--data", type=PATH, help="The prepared dataset.  [default: work/data/DATASET-IMAGE, prepared if missing]"
)
def score(
    protocol: str,
    dataset: str,
    space: str,
    proxies: tuple[str, ...],
    texts: tuple[str, ...],
    count: int,
    seed: int,
    numerics: str | None,
    data: Path | None,
) -> None:
    """Print the scores of architectures by proxies, as CSV.

    One row per architecture and proxy, with the seconds that the score took. Proxies share what they compute of an
    architecture, so the first of them takes most of the time; ask for one alone to see its own. Networks have the size
    of the protocol's evaluations, and all see one batch of training images.
    """
    import csv
    import random
    import sys

    from harness.plan import registry
    from harness.plan.jobs import RANDOM, Search
    from harness.running.job import load_torch

    job = Search(protocol, dataset, space, RANDOM, seed, numerics=numerics or "")
    if job.setting.looks_up or dataset.startswith("table:"):
        raise UserError("a table has no networks that could be scored: name a protocol that trains, and images")
    found, rng = registry.space(space), random.Random(seed)
    chosen = {name: registry.proxy(name) for name in proxies or registry.names("proxies")}
    names = [name for name in chosen if proxies or not (chosen[name].reduction() or chosen[name].terms)]
    archs = [found.parse(text) for text in texts] or [found.sample(rng) for _ in range(count)]
    modes.choose(job.mode)
    folder = prepared(job, data)
    load_torch()
    from harness.running.scores import Score, scores

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(Score._fields)
    for row in scores(job, folder, names, archs):
        known = f"{row.score:.10g}" if row.score == row.score else ""
        writer.writerow([row.arch, row.proxy, known, f"{row.seconds:.6f}"])
