"""The job that a command's options describe, and where it reads and writes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    from harness.plan.jobs import data_folder, record_path
    from harness.running.job import JobPaths

    return JobPaths(data or data_folder(job.key["dataset"], job.setting.image), out or record_path(job), work)


def prepared(job: Search, data: Path | None) -> Path:
    """The prepared dataset of a job: the given one, else that in the working folder, which is prepared if missing."""
    from harness.plan import datasets
    from harness.plan.jobs import data_folder

    folder = data or data_folder(job.dataset, job.setting.image)
    if not data and not folder.exists():
        datasets.prepare(datasets.named(job.dataset), job.setting.image, folder, Path("data"))
    return folder
