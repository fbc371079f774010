"""The records of a benchmark: which there must be, and whether those that are there belong to it."""

from __future__ import annotations

from pathlib import Path

from harness import records
from harness.config import Config
from harness.jobs import record_path
from spaces.base import UserError


def checked(config: Config, dataset: str | None = None) -> list[Path]:
    """Paths of all records of a benchmark, or of one of its datasets; refused where one is missing, cut, edited or made
    from other code, settings or parameters than today's."""
    paths = []
    for name in [dataset] if dataset else config.datasets:
        for job in [*config.searches_of(name), *config.trainings_of(name)]:
            path = record_path(job)
            if not path.exists():
                raise UserError(f"record {path} is missing: run snakemake again")
            if records.read(path)["fingerprint"] != job.fingerprint():
                raise UserError(
                    f"record {path} was made from other code, settings or parameters than today's: delete it and run "
                    "snakemake again"
                )
            paths.append(path)
    return paths
