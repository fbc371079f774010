"""The records of a benchmark: which there must be, and whether those that are there belong to it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from harness import records
from harness.plan import rechecks, registry
from harness.plan.config import Config
from harness.plan.fingerprints import hash_of
from harness.plan.jobs import Job, Search, Training, data_folder, record_path
from harness.records import weights
from protocols.datasets import manifest
from spaces.base import UserError

CODE = "other code"


class Held(NamedTuple):
    """A job of the benchmark and what the benchmark holds of it.

    `record`: None where there is none, or where it does not belong to the benchmark; then `problem` says why, the same
    words for the same fault, and `stale` is the record if only its code differs from today's. `modules` that differ.
    """

    job: Job
    path: Path
    record: dict[str, Any] | None
    problem: str = ""
    stale: dict[str, Any] | None = None
    modules: tuple[str, ...] = ()


def held(config: Config, jobs: Collection[Job] = ()) -> Iterator[Held]:
    """All jobs of a benchmark, each search before its trainings. `jobs`: they, where they are at hand."""
    found: dict[Search, Any] = {}
    for job in jobs or config.jobs:
        path = record_path(job)
        if not path.exists():
            yield Held(job, path, None)
            continue
        try:
            record = records.read(path)
        except UserError as error:
            yield Held(job, path, None, str(error))
            continue
        if isinstance(job, Search):
            found[job] = record.get("arch")
        yield _judged(job, path, record, found)


def _judged(job: Job, path: Path, record: dict[str, Any], found: dict[Search, Any]) -> Held:
    """`found`: the architectures of the searches."""
    if differing := _differing(job, record):
        if set(differing) <= {"code", "search"}:
            names = tuple(modules_that_differ(job, record))
            return Held(job, path, None, f"made from {CODE} than today's", record, names)
        return Held(job, path, None, f"made with other settings than today's ({', '.join(differing)})")
    if _images(data_folder(job.key["dataset"], job.setting.image)) not in (record["data"], None):
        return Held(job, path, None, "made from other images than those that are prepared now")
    if isinstance(job, Training) and record["status"] == "done" and record["arch"] != _arch(job, found):
        return Held(job, path, None, "made from another architecture than its search has found")
    if isinstance(job, Training) and job.keep_weights and record["status"] == "done":
        return Held(job, path, None if (fault := weights.fault(path, record)) else record, fault)
    return Held(job, path, record)


def _arch(job: Training, found: dict[Search, Any]) -> Any:
    """What the training was to train. While jobs run, its search may have ended after it was looked for."""
    if (known := job.arch or found.get(job.search)) or not record_path(job.search).exists():
        return known
    with suppress(UserError):
        return records.read(record_path(job.search)).get("arch")
    return None


def _differing(job: Job, record: dict[str, Any]) -> list[str]:
    """The parts of a job's specification that a record was not made with."""
    if record["fingerprint"] == job.fingerprint():
        return []
    today, then = job.specification(), record["config"]
    return sorted(name for name in {*today, *then} if hash_of(today.get(name)) != hash_of(then.get(name))) or ["code"]


def modules_that_differ(job: Job, record: dict[str, Any]) -> Iterator[str]:
    """The modules that decide a job's outcome and are not those that the record was made with. None for records of
    before 2026-11-28, which do not name their modules."""
    if then := record.get("modules"):
        today = job.modules()
        yield from sorted(name for name in {*today, *then} if today.get(name) != then.get(name))


def code_of(found: Iterable[dict[str, Any]]) -> str:
    """One sentence on the code that some records were made from: as today's, which modules differ, or unknown."""
    names: set[str] = set()
    unknown = 0
    for record in found:
        job = _job_of(record["key"])
        if job is None or "modules" not in record:
            unknown += 1
        else:
            names.update(modules_that_differ(job, record))
    said = []
    if names:
        said.append(f"modules that decide numbers differ from those of the records: {', '.join(sorted(names))}")
    if unknown:
        said.append(f"{unknown} records do not name the modules that they were made from, or these are gone")
    return "; ".join(said) or "the modules that decide numbers are those of the records"


def _job_of(key: dict[str, Any]) -> Job | None:
    """The job of a record's key; None where its space is not there today, or the method of a search. Of a training the
    method is a mere label where a file named its architecture."""
    search = Search(*(key[axis] for axis in ("protocol", "dataset", "space", "method", "seed")))
    if not registry.known_space(search.space):
        return None
    if "cells" in key:
        return Training.of_key(key)
    return search if search.method in registry.names("methods") else None


def checked(config: Config) -> list[Path]:
    """Paths of all records; UserError where one is missing, cut, edited or made from other code, settings, parameters,
    images or architectures than today's."""
    found = list(held(config))
    for one in found:
        if one.problem or one.record is None:
            raise UserError(_complaint(one, found))
    return [one.path for one in found]


def _complaint(one: Held, found: list[Held]) -> str:
    if one.stale:
        return f"record {one.path} and {sum(o.stale is not None for o in found) - 1} others: {advice(found)}"
    if one.problem.startswith("record "):
        return one.problem
    if one.problem:
        return f"record {one.path} was {one.problem}: delete it and run snakemake again"
    return f"record {one.path} is missing: run snakemake again"


def advice(found: Iterable[Held]) -> str:
    """What to do about records that were made from other code, and which modules differ."""
    names = sorted({name for one in found for name in one.modules})
    which = f" ({', '.join(names)} differ)" if names else ""
    cure = "`python -m harness recheck` keeps them if replays give the same results; snakemake makes them again"
    return f"made from {CODE} than today's{which}: {cure}"


def declared(protocol: str) -> str:
    """A sentence on records that a recheck keeps; "" where there was none."""
    found = rechecks.read(rechecks.path(protocol))
    if not found:
        return ""
    names = [name for entry in found for name in entry["replays"]]
    said = f"{len(found)} rechecks declare records of earlier code valid, by {len(names)} replays"
    return f"{said} ({rechecks.path(protocol)})"


@cache
def _images(folder: Path) -> str | None:
    """Hash of the images that are prepared; None where none are: they are prepared again before anything is made of the
    records, and compared then."""
    return str(manifest(folder)["sha256"]) if (folder / "manifest.json").exists() else None
