"""The job that a command's options describe, and where it reads and writes."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spaces.base import UserError

if TYPE_CHECKING:
    from harness.plan.jobs import Search, Training
    from harness.running.job import JobPaths


def search_job(
    protocol: str,
    dataset: str,
    space: str,
    method: str,
    seed: int,
    parameters: Iterable[tuple[str, Any]],
    numerics: str | None,
) -> Search:
    from harness.plan import registry
    from harness.plan.jobs import Search

    pairs = registry.parameters(method, dict(parameters))
    return Search(protocol, dataset, space, method, seed, pairs, numerics or "")


def paths(job: Search | Training, data: Path | None, out: Path | None, work: Path) -> JobPaths:
    """UserError where the method does not fit the space, and where the dataset is not there: the nearest names, or how
    it is prepared."""
    from harness.plan import datasets, registry
    from harness.plan.config import check_measure
    from harness.plan.jobs import Search, data_folder, record_path
    from harness.running.job import JobPaths

    if isinstance(job, Search):
        method = registry.method(job.method, **dict(job.parameters))
        if reason := method.unsupported(registry.space(job.space)):
            raise UserError(f"method {job.method} cannot search space {job.space}: {reason}")
    dataset, image = job.key["dataset"], job.setting.image
    folder = data or data_folder(dataset, image)
    elsewhere = f" --out {shlex.quote(str(data))}" if data else ""
    command = f"python -m harness data --dataset {shlex.quote(dataset)} --image {image}"
    check_measure(job.key["protocol"], dataset)
    if not (folder / "manifest.json").exists():
        datasets.named(dataset)
        raise UserError(f"dataset {dataset} is not prepared in {folder}: run: {command}{elsewhere}")
    if dataset.startswith("folder:") and not data and datasets.changed(dataset, folder, Path("data")):
        raise UserError(f"files of {dataset} have changed since {folder} was prepared: run: {command}")
    return JobPaths(folder, out or record_path(job), work, late=1, trace=work / f"{job.name}.traceback")


def found_by(file: Path, space: str) -> dict[str, Any]:
    """The record of a search in a space; UserError where the file is none, or the search has found nothing."""
    from harness import records

    if not file.is_file():
        raise UserError(f"{file}: no such file: name the record of a search, …/search-….json below results/")
    record = records.read(file)
    if record["kind"] != "search":
        raise UserError(f"record {file} is of a training: name the search that found the architecture")
    if record["key"]["space"] != space:
        raise UserError(f"record {file} is of a search in {record['key']['space']}: --space {record['key']['space']}")
    if record["status"] != "done":
        raise UserError(f"record {file} has no architecture: the search {record['status']}: {record['reason']}")
    return record


def told(job: Search | Training, record: dict[str, Any], places: JobPaths, found: str) -> int:
    """Says in one line how a job went; returns the exit status. found: the name of what it was to find."""
    if record["status"] == "done":
        print(f"{job.name}: done {record.get(found, record['result'].get(found))}")
        return 0
    reason = " ".join(str(record.get("reason")).split())
    where = f"{places.out}; {places.trace}" if record["status"] == "failed" else places.out
    print(f"error: {job.name}: {record['status']}: {reason} ({where})", file=sys.stderr)
    return 1


def prepared(job: Search, data: Path | None) -> Path:
    """The prepared dataset of a job: the given one, else that in the working folder, which is prepared if missing.
    UserError where it is none."""
    from harness.plan import datasets
    from harness.plan.jobs import data_folder
    from protocols.datasets import manifest

    folder = data or data_folder(job.dataset, job.setting.image)
    if not data and not folder.exists():
        datasets.prepare(datasets.named(job.dataset), job.setting.image, folder, Path("data"))
    manifest(folder)
    return folder
