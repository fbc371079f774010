"""MLflow as a view of the records: exactly one run a record, whatever was killed, resumed or done twice.

Training never talks to MLflow: `sync` imports afterwards what is missing, under one lock a store. A run that is
still RUNNING while we hold the lock was left by a killed import: it is removed and its record imported again. A run
that ended is whole, and its tags say which record it shows. Runs hang below one parent a method, space and dataset,
which shows the comparison with random. docs/using.md tells users what they see.
"""

from __future__ import annotations

import math
import os
import re
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import records
from harness.tracking import comparison, view
from harness.tracking import experiment as page
from harness.tracking import ledger as ledgers
from harness.tracking.store import Client, Store, limit, locked
from spaces.base import UserError

if TYPE_CHECKING:
    from mlflow.entities import Run

Wanted = dict[tuple[str, str], tuple[Path, view.Record]]  # (job key, sha256) -> where the record is, and what it says

# MLflow's own defaults wait 247 s for a server that is down. No retries: they could create a run twice.
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",  # errors reach us as exceptions; MLflow would print their tracebacks too
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
METRICS_A_CALL, PARAMS_A_CALL = 800, 100  # MLflow refuses more than 1000 and 100
FEW = 20  # of so many jobs each is asked for by name; of more, all runs that the store has
ENDED = "FINISHED", "FAILED"


@dataclass
class Report:
    """What a sync did. `removed`: runs of killed imports and of records that have changed since. `error`: why it
    stopped early; the records remain and the next sync goes on. `shown`: the records that the store has now, by their
    sha256."""

    imported: int = 0
    present: int = 0
    removed: int = 0
    skipped: list[str] = field(default_factory=list)
    error: str | None = None
    shown: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.imported} runs imported, {self.present} present, {self.removed} removed"


def sync(
    paths: Iterable[Path],
    uri: str | None = None,
    drawings: view.Drawings = view.Drawings(),  # noqa: B008 (immutable)
    experiment: str = "",
    table: list[Path] | None = None,
    quiet: bool = False,
    ledger: Path | None = None,
    awaited: Callable[[str], None] | None = None,
) -> Report:
    """Imports the records that an MLflow store lacks and removes the runs of records that have changed.

    `uri` is the tracking store; without it MLFLOW_TRACKING_URI, or else mlflow.db in the working folder. `experiment`:
    the name of that of a configuration, whose records these are; without it one is named after each protocol. `table`:
    the records that the comparisons are made from, where these are more than `paths`. `ledger`: a file that notes what
    is shown. `awaited`: called where another process waits for the store meanwhile, with the folder of what is not
    uploaded yet. Nothing that befalls the store raises: it gives one warning on stderr, unless `quiet`, and
    `Report.error`.
    """
    patience = math.ceil(limit("HARNESS_MLFLOW_PATIENCE_SECONDS"))
    for name, value in {**ENVIRONMENT, "MLFLOW_HTTP_REQUEST_TIMEOUT": str(patience)}.items():
        os.environ.setdefault(name, value)
    report = Report()
    wanted = _read(sorted(paths), report)
    try:
        store = Store.of(uri or ledgers.address())
        with (
            tempfile.TemporaryDirectory(prefix="mlflow-") as folder,
            locked(store, partial(awaited, folder) if awaited else None),
        ):
            work = _Import(store, view.Artifacts(Path(folder, "files"), drawings), report)
            for protocol in sorted({record["key"]["protocol"] for _, record in wanted.values()}):
                entries = {name: entry for name, entry in wanted.items() if entry[1]["key"]["protocol"] == protocol}
                work.run(experiment or protocol, protocol, entries, table, whole=bool(experiment) and table is None)
    except _store_errors() as error:
        said = [line for line in str(error).splitlines() if not line.startswith("(raised as a result")]  # SQLAlchemy's
        text = (said or [""])[0][:300] or type(error).__name__
        report.error = re.sub("//[^/@]*@", "//", text)  # no passwords in logs
    if ledger and report.shown:
        ledgers.add(ledger, uri or ledgers.address(), report.shown)
    if not quiet:
        _warn(report)
    return report


def _read(paths: Iterable[Path], report: Report) -> Wanted:
    wanted = {}
    for path in paths:
        try:
            record = view.complete(records.read(path))
            wanted[view.job_key(record), record["sha256"]] = path, record
        except UserError as error:
            report.skipped.append(str(error))
    return wanted


def _store_errors() -> tuple[type[Exception], ...]:
    """What databases, servers and disks come up with."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, SQLAlchemyError, sqlite3.Error, OSError


def _warn(report: Report) -> None:
    if report.skipped:
        first = f"the first: {report.skipped[0]}"
        print(f"warning: {len(report.skipped)} records or tables not shown in MLflow, {first}", file=sys.stderr)
    if report.error:
        cure = f"{report}, the next `python -m harness track` goes on from there"
        print(f"warning: MLflow: {report.error}; {cure}", file=sys.stderr)


class _Import:
    """Into one store, whose lock is held."""

    def __init__(self, store: Store, artifacts: view.Artifacts, report: Report) -> None:
        self.client, self.store, self.artifacts, self.report = store.open(), store, artifacts, report

    def run(self, name: str, protocol: str, entries: Wanted, table: list[Path] | None, whole: bool) -> None:
        """The records of one experiment. `whole`: all of them."""
        client, report = self.client, self.report
        client.begin()
        experiment = page.Experiment(client, name, protocol, self.store.artifacts)
        newest = max(view.period(record)[0] for _, record in entries.values()) if whole else 0
        parents = comparison.Comparisons(client, experiment.id, newest)
        shown, stale = _compare(client, experiment.id, entries)
        report.present += len(shown)
        for key, (path, record) in entries.items():
            client.begin()
            parent = parents.parent(record)
            if view.looked_up(record):  # thousands, and the table says all that they do: their comparisons are shown
                continue
            if key not in shown:
                files = self.artifacts.collect(path, record)
                client.begin()
                _import(client, experiment.id, parent, record, files)
                report.imported += 1
            elif shown[key].data.tags.get("mlflow.parentRunId") != parent:
                client.set_tag(shown[key].info.run_id, "mlflow.parentRunId", parent)
            report.shown.append(f"{name} {record['sha256']}")
        for run in [*stale, *parents.doubles]:
            client.begin()
            _remove(client, run)
            report.removed += 1
        self._say(experiment, parents, table or [path for path, _ in entries.values()])

    def _say(self, experiment: page.Experiment, parents: comparison.Comparisons, table: list[Path]) -> None:
        """What the comparisons say; nothing where the tables refuse the records."""
        try:
            found = comparison.analysis(table)
        except UserError as error:
            self.report.skipped.append(str(error))
            return
        parents.update(comparison.rows(found, experiment.protocol))
        parents.illustrate(found, self.artifacts)
        self.client.begin()
        experiment.describe(comparison.summary(found))


def _compare(client: Client, experiment: str, wanted: Wanted) -> tuple[dict[tuple[str, str], Run], list[Run]]:
    """The runs of the records that have one, and the runs to remove: unfinished ones, doubles, and older versions."""
    jobs = {job for job, _ in wanted}
    shown, stale = {}, []
    for run in _found(client, experiment, sorted(jobs)):
        name = run.data.tags["job_key"], run.data.tags["record"]
        ended = run.info.status in ENDED
        if ended and name in wanted and name not in shown:
            shown[name] = run
        elif not ended or name[0] in jobs:
            stale.append(run)
    return shown, stale


def _found(client: Client, experiment: str, jobs: list[str]) -> Iterator[Run]:
    """All runs of some jobs, perhaps more. MLflow's filters know no lists of tags, and no escapes."""
    if len(jobs) <= FEW and not any("'" in job for job in jobs):
        filters = [f"tags.job_key = '{job}'" for job in jobs]
    else:
        prefix = os.path.commonprefix(jobs)  # noqa: RUF071 (of the texts)
        filters = [f"tags.job_key LIKE '{prefix.split(chr(39))[0]}%'"]
    for text in filters:
        token = None
        while token != "":
            runs = client.search_runs([experiment], text, max_results=1000, page_token=token)
            yield from runs
            token = runs.token or ""


def _remove(client: Client, run: Run) -> None:
    """To the bin of the UI, from which `mlflow gc` takes it for good."""
    client.set_tag(run.info.run_id, "superseded", "true")
    if run.info.status not in ENDED:
        client.set_terminated(run.info.run_id, "KILLED")
    client.delete_run(run.info.run_id)


def _import(client: Client, experiment: str, parent: str, record: view.Record, files: str) -> None:
    """Writes one run. Only the last call makes it count."""
    start, end = view.period(record)
    metrics = view.metrics(record)
    tags = view.tags(record) | view.infinite(metrics) | {"mlflow.parentRunId": parent}
    run = client.create_run(experiment, start, tags, view.title(record)).info.run_id
    for some, params in zip_longest(_chunks(metrics, METRICS_A_CALL), _chunks(view.params(record), PARAMS_A_CALL)):
        client.log_batch(run, some or (), params or ())
    client.log_inputs(run, view.dataset(record, record["kind"]))
    client.log_artifacts(run, files)
    client.set_terminated(run, "FINISHED" if record["status"] == "done" else "FAILED", end)


def _chunks(items: list[Any], size: int) -> Iterator[list[Any]]:
    return (items[i : i + size] for i in range(0, len(items), size))
