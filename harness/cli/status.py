"""`status`: how a benchmark stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.cli.base import command
from harness.cli.parts import options
from harness.cli.parts.benchmark import benchmark


@command(examples="python -m harness status   # also while snakemake runs, from another terminal")
@options.config
@options.override
def status(config: Path, override: tuple[tuple[str, Any], ...]) -> int:
    """Say what is done, what runs, what failed and what is left.

    The exit status is 0 where everything is done and good, else 1.
    """
    from harness.records import sums
    from harness.running import status

    chosen = benchmark(config, override)
    found = status.status(chosen)
    print(status.text(found))
    tables = Path("results", chosen.protocol, "tables")
    if found.finished and tables.exists():
        sums.check(tables)
    return 0 if found.finished else 1
