"""`publish`: a benchmark as a snapshot to cite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.base import command
from harness.cli.parts import benchmark, options


@command(one_of=options.RECORDS, examples="python -m harness publish my-run --config config/default.yaml")
@click.argument("name", metavar="NAME", help="Name of the snapshot.")
@options.records
def publish(name: str, config: Path | None, **source: Any) -> None:
    """Copy a finished benchmark to results/published/NAME.

    The snapshot has all that is needed to check it and to cite it.
    """
    from harness.report import snapshot

    folder = snapshot.publish(name, benchmark.records(config=config, **source), config)
    print(folder)
    if copied := snapshot.copied_code(folder):
        print(f"in no commit, so copied to {folder / snapshot.CODE}: {', '.join(copied)}")
    print(f"cite as: {snapshot.citation(folder)}")
