"""Batches: the runs that one job of the pipeline makes, one after another.

A batch pays once for loading torch and for Snakemake's own work. It holds runs of one dataset that have no record yet.
A search and its trainings stay together where a batch has room for them."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from harness.plan.config import Config
from harness.plan.jobs import Search, Training, record_path, slug

Run = Search | Training


class Batch(NamedTuple):
    """`name`: unique in a benchmark, the dataset and a number: digits_007."""

    name: str
    runs: tuple[Run, ...]

    @property
    def records(self) -> list[str]:
        """What it writes."""
        return [str(record_path(run)) for run in self.runs]

    @property
    def reads(self) -> list[str]:
        """Records of the searches that it trains and does not make itself."""
        searches = {run.search for run in self.runs if isinstance(run, Training)}
        return [str(record_path(search)) for search in sorted(searches - set(self.runs))]


def batches(config: Config, left: Collection[Run]) -> list[Batch]:
    """The runs `left` to do, in batches of at most `config.batch`."""
    found = []
    for dataset in config.datasets:
        filled = _filled(_chains([run for run in left if run.key["dataset"] == dataset]), config.batch)
        found += [Batch(f"{slug(dataset)}_{i:03d}", tuple(runs)) for i, runs in enumerate(filled)]
    return found


def _chains(runs: Iterable[Run]) -> Iterable[list[Run]]:
    """Each search with its trainings, the searches of a space next to each other."""
    ordered = sorted(runs, key=lambda run: (_search(run), isinstance(run, Training), run.name))
    return [list(chain) for _, chain in itertools.groupby(ordered, _search)]


def _search(run: Run) -> Search:
    return run.search if isinstance(run, Training) else run


def _filled(chains: Iterable[list[Run]], most: int) -> Iterator[list[Run]]:
    batch: list[Run] = []
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
