"""`sample`: random architectures."""

from __future__ import annotations

import click

from harness.cli.base import command
from harness.cli.parts import options
from harness.cli.parts.values import COUNT, SEED


@command(examples="python -m harness sample --space fbnet --seed 0 -n 5")
@options.space
@click.option("--seed", type=SEED, default=0, help="The same seed gives the same architectures.")
@click.option("-n", "count", type=COUNT, default=1, help="How many.")
def sample(space: str, seed: int, count: int) -> None:
    """Print random architectures of a space, one per line."""
    import random

    from harness.plan import registry

    found, rng = registry.space(space), random.Random(seed)
    for _ in range(count):
        print(found.text(found.sample(rng)))
