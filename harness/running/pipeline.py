"""What the Snakefile asks for before its rules: which benchmark this is, and the batches that are left to run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness import records
from harness.plan import config as configuration
from harness.plan.batches import Batch, batches
from harness.plan.jobs import Job, data_folder, record_path, slug
from harness.records.belonging import held


class Pipeline:
    """One benchmark in the working folder. The process that drives it plans, and its other processes read that plan:
    what is left to do changes while it runs."""

    def __init__(self, file: Path, overrides: Mapping[str, Any]):
        """UserError where the configuration cannot work."""
        self.config = configuration.load(file, overrides)
        given = [word for key, value in overrides.items() for word in ("--override", f"{key}={json.dumps(value)}")]
        self.arguments = ["--config", os.path.relpath(file), *given]
        self.results = f"results/{self.config.protocol}"
        self.datasets = {slug(dataset): dataset for dataset in self.config.datasets}
        self.jobs = {job.name: job for name in self.config.datasets for job in self.config.jobs_of(name)}
        self.records = [str(record_path(job)) for job in self.jobs.values()]
        self._plan = Path("work/plans") / f"{self.config.protocol}.json"

    def batches(self, plan: bool) -> list[Batch]:
        """The batches left to run. `plan`: looks at the records; otherwise reads what the driver has planned."""
        if plan:
            return batches(self.config, [one.job for one in held(self.config) if one.record is None])
        planned = json.loads(self._plan.read_text(encoding="utf-8"))
        return [Batch(name, tuple(self.jobs[job] for job in jobs)) for name, jobs in planned.items()]

    @property
    def looks_up(self) -> bool:
        """Whether a table answers: minutes in all, with nothing to follow."""
        return all(job.setting.looks_up for job in self.jobs.values())

    def start(self, planned: list[Batch]) -> None:
        """Before the first job: checks the folder, and keeps the plan for the other processes."""
        configuration.check_place(self.config)
        records.commit()  # says so once, here, where git refuses to read the checkout
        plan = {batch.name: [job.name for job in batch.jobs] for batch in planned}
        records.write_atomically(self._plan, json.dumps(plan, indent=1).encode())

    def manifests(self, jobs: Iterable[Job] | None = None) -> list[str]:
        """What preparing the datasets of these jobs, or of all, writes last. Variants may see other sizes of images."""
        read = {(job.key["dataset"], job.setting.image) for job in self.jobs.values() if jobs is None}
        read |= {(job.key["dataset"], job.setting.image) for job in jobs or ()}
        return [str(data_folder(*one) / "manifest.json") for one in sorted(read)]
