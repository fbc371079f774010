"""`recheck`: whether records stay valid after a change of the code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.base import command
from harness.cli.parts import options
from harness.cli.parts.benchmark import benchmark
from harness.cli.parts.values import COUNT


@command(examples="python -m harness recheck -n 6   # after a change of code that should move no number")
@options.config
@options.override
@click.option("-n", "count", type=COUNT, default=6, help="How many runs to replay, more where spaces need more.")
def recheck(config: Path, override: tuple[tuple[str, Any], ...], count: int) -> int:
    """Keep records after a code change, if replays are equal.

    Replays finished runs whose record was made from other code than today's, at least one search and one training of
    each space. If all results are equal to the byte, the records are valid under today's code. If one differs, the exit
    status is 1 and nothing is declared.
    """
    from harness.plan import rechecks
    from harness.running import recheck

    chosen, differing = benchmark(config, override), 0
    for replay in recheck.recheck(chosen, count):
        differing += bool(replay.differing)
        said = f"differs in {', '.join(replay.differing)}" if replay.differing else "equal"
        print(f"{replay.name}: {said}", flush=True)
    if differing:
        print(f"{differing} replays differ: nothing is declared, and snakemake makes the records again")
        return 1
    print(f"all equal: {rechecks.path(chosen.protocol)} declares the records valid under today's code")
    return 0
