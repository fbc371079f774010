"""The benchmark that the Snakefile runs."""

from __future__ import annotations

import json
import os
import shlex
import sys
import tempfile
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from itertools import starmap
from pathlib import Path
from typing import Any, NamedTuple

from harness import records
from harness.plan import config as configuration
from harness.plan import datasets, registry
from harness.plan.batches import Batch, batches, search_of
from harness.plan.config import Config
from harness.plan.jobs import Job, data_folder, slug
from harness.plan.needs import Estimate, Needs, estimate, needs
from harness.records.belonging import held
from protocols.base import Setting
from protocols.datasets import manifest
from protocols.datasets.parts.prepared import SPLITS
from spaces.base import UserError


class Planned(NamedTuple):
    """A batch, in words that a plan on disk can hold. `name`: its rule's; `data`: files of its prepared datasets;
    `jobs`: names; `reads`: records of the searches that it trains and does not make itself; `needs`: as far as they
    are known when it is planned."""

    name: str
    data: list[str]
    jobs: list[str]
    reads: list[str]
    fingerprints: list[str]
    needs: Needs


def rule_name(batch: Batch) -> str:
    return f"run_{batch.name}".replace("-", "_")


def arguments(file: Path, overrides: Mapping[str, Any]) -> list[str]:
    """The words by which a command knows a configuration."""
    given = [word for key, value in overrides.items() for word in ("--override", f"{key}={json.dumps(value)}")]
    return ["--config", str(file), *given]


class Pipeline:
    """One benchmark in the working folder. The process that drives it plans, and its other processes read that plan:
    what is left to do changes while it runs."""

    def __init__(self, file: Path, overrides: Mapping[str, Any], stored: bool = False):
        """`stored`: no folder is shared, rules read and write a storage; so nothing of an earlier run is here to be
        seen. UserError where the configuration cannot work."""
        self.config = configuration.load(file, overrides)
        self.stored = stored
        self.arguments = arguments(file.resolve() if stored else Path(os.path.relpath(file)), overrides)
        self.results = self.config.results.as_posix()
        self.datasets = {slug(dataset): dataset for dataset in self.config.datasets}
        self._plan = Path("work/plans") / f"{self.config.protocol}.json"
        self._jobs_of: dict[str, tuple[Job, ...]] = {}  # of batches that were planned here
        self._known: dict[Path, int] = {}  # images of prepared datasets

    @cached_property
    def jobs(self) -> list[Job]:
        return self.config.jobs

    def record(self, name: str) -> str:
        """The record of the job of a name."""
        return f"results/{self.config.protocol}/records/{name}.json"

    def batches(self) -> list[Planned]:
        """The batches left to run."""
        return [self._plan_of(batch) for batch in self._left()]

    @cached_property
    def _read(self) -> list[tuple[str, int]]:
        """What all jobs read."""
        return _prepared_for(self.jobs)

    def kept(self, planned: Collection[Planned]) -> list[str]:
        """The records that no batch makes."""
        names = {name for batch in planned for name in batch.jobs}
        return [self.record(job.name) for job in self.jobs if job.name not in names]

    def planned(self, names: Collection[str]) -> list[Planned]:
        """In a job of the cluster: the batches among these names, as the driver has planned them."""
        if self._plan.exists():
            found = json.loads(self._plan.read_text(encoding="utf-8"))
            return [
                Planned(**{**found[name], "needs": Needs(*found[name]["needs"])}) for name in names if name in found
            ]
        return [self._plan_of(batch) for batch in self._left() if rule_name(batch) in names]

    def source(self, dataset: str) -> str:
        """The words by which `data` knows a folder that the configuration names; `dataset`: as a folder is named."""
        folder = self.config.folders.get(self.datasets[dataset])
        return shlex.join(["--folder", folder]) if folder else ""

    def _renew(self) -> None:
        """Prepares folders of images again whose files were exchanged: which records are left to make depends on it."""
        root = Path(self.config.data_root).expanduser()
        for name, image in self._read:
            folder = data_folder(name, image)
            if (folder / "manifest.json").exists() and datasets.changed(name, folder, root):
                print(f"files of {name} have changed: {folder} is prepared again", file=sys.stderr)
                datasets.prepare(datasets.named(name), image, folder, root)

    def _left(self) -> list[Batch]:
        if not self.stored:
            self._renew()
        left = self.jobs if self.stored else [one.job for one in held(self.config, self.jobs) if one.record is None]
        return batches(self.config, left)

    def _plan_of(self, batch: Batch) -> Planned:
        names, prints = [job.name for job in batch.jobs], [job.fingerprint() for job in batch.jobs]
        rule = rule_name(batch)
        self._jobs_of[rule] = batch.jobs
        folders = starmap(data_folder, _prepared_for(batch.jobs))
        data = [str(folder / name) for folder in folders for name in self.prepared]
        return Planned(rule, data, names, batch.reads, prints, self._needs(batch.jobs))

    def needs(self, batch: Planned) -> Needs:
        """What a batch needs, as far as it is known now."""
        jobs = self._jobs_of.get(batch.name)
        return self._needs(jobs) if jobs else batch.needs

    def estimate(self) -> Estimate:
        """What the planned batches take together."""
        return estimate((job for jobs in self._jobs_of.values() for job in jobs), self._images)

    def _needs(self, jobs: tuple[Job, ...]) -> Needs:
        return needs(jobs, self.config.hours_a_job, self._images(jobs[0]))

    def _images(self, job: Job) -> int:
        """In train and val together of what a job reads."""
        dataset = search_of(job).dataset
        folder = data_folder(dataset, job.setting.image)
        if folder not in self._known and (folder / "manifest.json").exists():
            counts = manifest(folder)["counts"]
            self._known[folder] = sum(map(sum, (counts.get(split, []) for split in ("train", "val"))))
        return self._known.get(folder) or datasets.named(dataset).images

    @property
    def looks_up(self) -> bool:
        """Whether a table answers: minutes in all, with nothing to follow."""
        return self._setting(self.config.datasets[0]).looks_up

    def start(self, planned: list[Planned]) -> None:
        """Before the first job: checks the folder, and keeps the plan for the other processes."""
        _check_place(self.config)
        records.commit()  # says so once, here, where git refuses to read the checkout
        records.write_atomically(self._plan, json.dumps({batch.name: batch._asdict() for batch in planned}).encode())

    @property
    def prepared(self) -> list[str]:
        """What preparing a dataset writes, the manifest last. (Of a table the manifest alone is known before.)"""
        arrays = [] if self.looks_up else [f"{split}.{part}.npy" for split in SPLITS for part in ("images", "labels")]
        return [*arrays, "manifest.json"]

    @property
    def manifests(self) -> list[str]:
        """Of the datasets that all jobs read."""
        return [str(folder / self.prepared[-1]) for folder in starmap(data_folder, self._read)]

    def _setting(self, dataset: str) -> Setting:
        return registry.protocol(self.config.protocol).setting(dataset)


def _check_place(config: Config) -> None:
    """UserError where a dataset is not where it must be, which says what to download and where to put it; or where the
    benchmark cannot write."""
    for dataset in config.datasets:
        datasets.named(dataset).check(Path(config.data_root).expanduser())
    for folder in (Path("work"), Path("results") / config.protocol):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise UserError(f"folder {folder} cannot be written: {error.strerror}: mend that and try again") from None


def _prepared_for(jobs: Iterable[Job]) -> list[tuple[str, int]]:
    """The datasets that jobs read, each with its size of images: variants may see other sizes."""
    return sorted({(search_of(job).dataset, job.setting.image) for job in jobs})
