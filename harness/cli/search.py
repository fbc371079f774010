"""`search`: one search of the benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.cli.base import command
from harness.cli.parts import options
from harness.cli.parts.job import paths, search_job, told

EXAMPLES = """
python -m harness search --protocol laptop --dataset digits --space enas --method enas --set samples=4
"""


@command(examples=EXAMPLES)
@options.protocol
@options.dataset
@options.space
@options.method
@options.seed
@options.parameters
@options.numerics
@options.places
@options.hours
def search(data: Path | None, out: Path | None, work: Path, hours: float | None, **axes: Any) -> int:
    """Search one architecture and write its record.

    A search that fails writes a record that says why, and the exit status is 1.
    """
    from harness.running import job as running

    job = search_job(**axes)
    places = paths(job, data, out, work)
    return told(job, running.search(job, places, hours), places, "arch")
