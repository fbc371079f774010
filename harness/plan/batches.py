"""Batches: jobs that the pipeline jobs together, one after another.

A batch pays once for loading torch and for Snakemake's own work. It holds jobs of one dataset that have no record yet.
A search and its trainings stay together where a batch has room for them."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from harness.plan.config import Config
from harness.plan.jobs import Job, Search, Training, record_path, slug


class Batch(NamedTuple):
    """`name`: unique in a benchmark, the dataset and a number: digits_007."""

    name: str
    jobs: tuple[Job, ...]

    @property
    def records(self) -> list[str]:
        """What it writes."""
        return [str(record_path(job)) for job in self.jobs]

    @property
    def reads(self) -> list[str]:
        """Records of the searches that it trains and does not make itself."""
        searches = {job.search for job in self.jobs if isinstance(job, Training) and not job.arch}
        return [str(record_path(search)) for search in sorted(searches - set(self.jobs))]


def batches(config: Config, left: Collection[Job]) -> list[Batch]:
    """The jobs `left` to do, in batches of at most `config.batch`."""
    found = []
    for dataset in config.datasets:
        filled = _filled(_chains([job for job in left if search_of(job).dataset == dataset]), config.batch)
        found += [Batch(f"{slug(dataset)}_{i:03d}", tuple(jobs)) for i, jobs in enumerate(filled)]
    return found


def _chains(jobs: Iterable[Job]) -> Iterable[list[Job]]:
    """Each search with its trainings, the searches of a space next to each other."""
    ordered = sorted(jobs, key=lambda job: (search_of(job), isinstance(job, Training), job.name))
    return [list(chain) for _, chain in itertools.groupby(ordered, search_of)]


def search_of(job: Job) -> Search:
    """A search itself, and that of a training."""
    return job.search if isinstance(job, Training) else job


def _filled(chains: Iterable[list[Job]], most: int) -> Iterator[list[Job]]:
    batch: list[Job] = []
    for chain in chains:
        if batch and len(batch) + len(chain) > most:
            yield batch
            batch = []
        batch = batch + chain
        while len(batch) > most:  # a chain that is longer than a batch
            yield batch[:most]
            batch = batch[most:]
    if batch:
        yield batch
