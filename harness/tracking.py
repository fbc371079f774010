"""MLflow as a view of the records: exactly one run a record, whatever was killed, resumed or done twice.

Training never talks to MLflow: `sync` imports afterwards what is missing, under one lock a store. A run that is
still RUNNING while we hold the lock was left by a killed import: it is removed and its record imported again. A run
that ended is whole, and its tags say which record it shows. docs/mlflow.md tells users what they see.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import _tracking_view as view
from harness import records
from harness._tracking_store import Store, locked
from spaces.base import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

Wanted = dict[tuple[str, str], tuple[Path, view.Record]]  # (job key, sha256) -> where the record is, and what it says
Drawing = Callable[[str, str, Path], None]  # space, architecture's text, path of the PNG

# MLflow's own defaults wait 247 s for a server that is down. No retries: they could create a run twice.
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",  # errors reach us as exceptions; MLflow would print their tracebacks too
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
PATIENCE_SECONDS = 5  # a server that needs longer for one run counts as down
METRICS_A_CALL, PARAMS_A_CALL = 800, 100  # MLflow refuses more than 1000 and 100
ENDED = "FINISHED", "FAILED"


@dataclass
class Report:
    """What a sync did. `removed`: runs of killed imports and of records that have changed since. `error`: why it
    stopped early; the records remain and the next sync goes on."""

    imported: int = 0
    present: int = 0
    removed: int = 0
    skipped: list[str] = field(default_factory=list)
    error: str | None = None

    def __str__(self) -> str:
        return f"{self.imported} runs imported, {self.present} present, {self.removed} removed"


def sync(paths: Iterable[Path], uri: str | None = None, drawing: Drawing | None = None) -> Report:
    """Imports the records that an MLflow store lacks and removes the runs of records that have changed.

    `uri` is the tracking store; without it MLFLOW_TRACKING_URI, or else mlflow.db in the working folder. Nothing that
    befalls the store raises: it gives one warning on stderr and `Report.error`.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    report, wanted = Report(), {}
    for path in sorted(paths):
        try:
            record = view.complete(records.read(path))
            wanted[view.job_key(record), record["sha256"]] = path, record
        except UserError as error:
            report.skipped.append(str(error))
    if report.skipped:
        _warn(f"{len(report.skipped)} records not shown in MLflow, the first: {report.skipped[0]}")
    try:
        store = Store.of(uri or os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db")
        with locked(store), tempfile.TemporaryDirectory(prefix="mlflow-") as folder:
            _sync(store, wanted, _Artifacts(folder, drawing), report)
    except _store_errors() as error:
        text = (str(error).splitlines() or [""])[0][:300] or type(error).__name__
        report.error = re.sub("//[^/@]*@", "//", text)  # no passwords in logs
        _warn(f"MLflow: {report.error}; {report}, the next `python -m harness track` goes on from there")
    return report


def _store_errors() -> tuple[type[Exception], ...]:
    """What databases, servers and disks come up with."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, SQLAlchemyError, sqlite3.Error, OSError


def _warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr)


class _Artifacts:
    """The files of a run, put together in a folder: the record, the architecture's text and, if asked, its picture."""

    def __init__(self, folder: str, drawing: Drawing | None) -> None:
        self.files, self.pictures, self.drawing = Path(folder, "files"), Path(folder), drawing
        self.files.mkdir()

    def collect(self, path: Path, record: view.Record) -> str:
        """The folder, with the files of this record."""
        shutil.copy(path, self.files / "record.json")
        (self.files / "architecture.txt").write_text(f"{record['arch']}\n", encoding="utf-8")
        target = self.files / "architecture.png"
        target.unlink(missing_ok=True)
        if self.drawing and record["arch"]:
            picture = self._picture(record["key"]["space"], record["arch"])
            if picture.exists():
                shutil.copy(picture, target)
        return str(self.files)

    def _picture(self, space: str, text: str) -> Path:
        """Each architecture is drawn once: a search and its trainings share it."""
        picture = self.pictures / f"{sha256(f'{space} {text}'.encode()).hexdigest()}.png"
        if not picture.exists():
            with suppress(UserError):  # a space that cannot be drawn
                self.drawing(space, text, picture)
        return picture


def _sync(store: Store, wanted: Wanted, artifacts: _Artifacts, report: Report) -> None:
    client = store.open()
    for protocol in sorted({record["key"]["protocol"] for _, record in wanted.values()}):
        entries = {name: entry for name, entry in wanted.items() if entry[1]["key"]["protocol"] == protocol}
        experiment = _experiment(client, protocol, store.artifacts)
        shown, stale = _compare(client, experiment, entries)
        report.present += len(shown)
        for path, record in (entry for name, entry in entries.items() if name not in shown):
            files = artifacts.collect(path, record)
            deadline = time.monotonic() + (PATIENCE_SECONDS if store.remote else math.inf)
            for _ in _import(client, experiment, record, files):
                if time.monotonic() > deadline:
                    raise OSError(f"{store.uri} is too slow")
            report.imported += 1
        for run in stale:
            _remove(client, run)
            report.removed += 1


def _experiment(client: MlflowClient, name: str, artifacts: Path | None) -> str:
    """Id of a protocol's experiment; one that was deleted in the UI is brought back."""
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        return client.create_experiment(name, artifacts and artifacts.as_uri())
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    return experiment.experiment_id


def _compare(client: MlflowClient, experiment: str, wanted: Wanted) -> tuple[set[tuple[str, str]], list[Run]]:
    """Which of the records have a run, and the runs to remove: unfinished ones, doubles, and older versions."""
    jobs = {job for job, _ in wanted}
    prefix = os.path.commonprefix(sorted(jobs))  # noqa: RUF071 (of the texts: one query, narrow for a single record)
    prefix = prefix.split("'")[0]  # MLflow's filters know no escapes
    shown, stale, page = set(), [], None
    while page != "":
        runs = client.search_runs([experiment], f"tags.job_key LIKE '{prefix}%'", max_results=1000, page_token=page)
        for run in runs:
            name = run.data.tags["job_key"], run.data.tags["record"]
            ended = run.info.status in ENDED
            if ended and name in wanted and name not in shown:
                shown.add(name)
            elif not ended or name[0] in jobs:
                stale.append(run)
        page = runs.token or ""
    return shown, stale


def _remove(client: MlflowClient, run: Run) -> None:
    """To the bin of the UI, from which `mlflow gc` takes it for good."""
    client.set_tag(run.info.run_id, "superseded", "true")
    if run.info.status not in ENDED:
        client.set_terminated(run.info.run_id, "KILLED")
    client.delete_run(run.info.run_id)


def _import(client: MlflowClient, experiment: str, record: view.Record, files: str) -> Iterator[None]:
    """Writes one run; stops after each call, so that the caller can give up. Only the last call makes it count."""
    start, end = view.period(record)
    metrics = view.metrics(record)
    tags = view.tags(record) | view.infinite(metrics)
    run = client.create_run(experiment, start, tags, view.title(record)).info.run_id
    yield
    for some, params in zip_longest(_chunks(metrics, METRICS_A_CALL), _chunks(view.params(record), PARAMS_A_CALL)):
        client.log_batch(run, some or (), params or ())
        yield
    client.log_artifacts(run, files)
    yield
    client.set_terminated(run, "FINISHED" if record["status"] == "done" else "FAILED", end)


def _chunks(items: list[Any], size: int) -> Iterator[list[Any]]:
    return (items[i : i + size] for i in range(0, len(items), size))
