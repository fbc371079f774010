"""The records of a benchmark: which there must be, and whether those that are there belong to it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from harness import records
from harness.plan.config import Config
from harness.plan.jobs import Search, Training, data_folder, record_path
from protocols.datasets import manifest
from spaces.base import UserError


class Entry(NamedTuple):
    """A job of the benchmark and its record: None where there is none, or where `problem` says what is wrong."""

    job: Search | Training
    path: Path
    record: dict[str, Any] | None
    problem: str = ""


def entries(config: Config) -> Iterator[Entry]:
    """All jobs of a benchmark, each search before its trainings."""
    for name in config.datasets:
        found: dict[Search, Any] = {}
        for job in [*config.searches_of(name), *config.trainings_of(name)]:
            path = record_path(job)
            if not path.exists():
                yield Entry(job, path, None)
                continue
            try:
                record = records.read(path)
                _refuse_stale(job, path, record, found)
            except UserError as error:
                yield Entry(job, path, None, str(error))
                continue
            if isinstance(job, Search):
                found[job] = record.get("arch")
            yield Entry(job, path, record)


def checked(config: Config) -> list[Path]:
    """Paths of all records; UserError where one is missing, cut, edited or made from other code, settings, parameters,
    images or architectures than today's."""
    paths = []
    for entry in entries(config):
        if entry.problem:
            raise UserError(entry.problem)
        if entry.record is None:
            raise UserError(f"record {entry.path} is missing: run snakemake again")
        paths.append(entry.path)
    return paths


def _refuse_stale(job: Search | Training, path: Path, record: dict[str, Any], found: dict[Search, Any]) -> None:
    """`found`: the architectures of the searches."""
    if record["fingerprint"] != job.fingerprint():
        stale = "other code, settings or parameters than today's"
    elif record["data"] != _images(data_folder(job.key["dataset"], job.setting.image)):
        stale = "other images than those that are prepared now"
    elif isinstance(job, Training) and record["status"] == "done" and record["arch"] != found.get(job.search):
        stale = "another architecture than its search has found"
    else:
        return
    raise UserError(f"record {path} was made from {stale}: delete it and run snakemake again")


@cache
def _images(folder: Path) -> str:
    return manifest(folder)["sha256"]
