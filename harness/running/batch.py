"""Runs the jobs of a batch, searches and trainings, one after another, each in a process of its own.

On Linux the processes are forks of this one, which has loaded torch once: a job by itself pays 1.2 s for the import.
What a job leaves in memory, its limit of time, or a kill for want of memory touches no other job, and the seconds
and megabytes in its record are its own. Only jobs that a table answers share this process. What an earlier attempt
has finished is taken from work/finished/, without torch.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterable
from contextlib import redirect_stdout

from harness import records
from harness.plan.jobs import Job, Search, Training, data_folder, log_path, record_path
from harness.running import driver
from harness.running.attempts import ALLOWED
from harness.running.job import Attempt, JobPaths, Record, load_torch, search, train
from spaces.base import UserError
from spaces.parts.cpu import numerics


def run(jobs: Iterable[Job], hours: float | None = None) -> None:
    """Runs the jobs in this order, so a search comes before its trainings. The record of a search that is not among
    them is read from its place. UserError names the first job that could not be done; failed jobs have a record that
    says so."""
    alive = driver.watch()
    found: dict[Search, Record] = {}
    for job in jobs:
        numerics.choose(job.mode)
        if isinstance(job, Training) and job.search not in found:
            given = {"status": "done", "arch": job.arch}
            found[job.search] = given if job.arch else records.read(record_path(job.search))
        record = _restored(job, found) or _made(job, found, hours, alive)
        if isinstance(job, Search):
            found[job] = record
        print(f"{job.name}: {record['status']} {_said(record)}", flush=True)


def _said(record: Record) -> str:
    if record["status"] != "done":
        return str(record["reason"])
    return str(record["result"].get("test_accuracy", record["arch"]))


def _paths(job: Job) -> JobPaths:
    return JobPaths(data_folder(job.key["dataset"], job.setting.image), record_path(job))


def _restored(job: Job, found: dict[Search, Record]) -> Record | None:
    if isinstance(job, Search):
        return Attempt("search", job, _paths(job), {}).restored()
    return Attempt("train", job, _paths(job), {"arch": found[job.search].get("arch")}).restored()


def _made(job: Job, found: dict[Search, Record], hours: float | None, alive: driver.Alive) -> Record:
    """Runs a job in a new process, again where it was killed: the kernel may have been short of memory, and a job that
    it kills twice gets a record that says so."""
    if job.setting.looks_up:
        return _looked_up(job, found)
    _prepare()
    for _ in range(ALLOWED + 1):
        process = CONTEXT.Process(target=_child, args=(job, found, hours))
        process.start()
        try:
            while process.exitcode is None:
                process.join(driver.POLL_SECONDS)
                if not alive():
                    process.kill()
                    driver.orphaned()
        finally:  # Ctrl-C reaches this process alone where another program sends it
            process.kill()
        if process.exitcode == 0:
            return records.read(record_path(job))
        if process.exitcode not in (-signal.SIGKILL, driver.ORPHANED):  # the latter has lost its lease
            break
    log = log_path(job)
    last = log.read_text(errors="replace").splitlines()[-1:] if log.exists() else []
    raise UserError(f"{job.name} did not end well (exit status {process.exitcode}): {''.join(last)} ({log})")


def _looked_up(job: Job, found: dict[Search, Record]) -> Record:
    """A job that a table answers takes milliseconds: it runs in this process."""
    log = log_path(job)
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "w", encoding="utf-8") as file, redirect_stdout(file):
        if isinstance(job, Search):
            return search(job, _paths(job))
        return train(job, found[job.search], _paths(job))


if sys.platform == "linux":
    CONTEXT = multiprocessing.get_context("fork")
else:
    CONTEXT = multiprocessing.get_context("spawn")
"""Elsewhere libraries do not survive a fork."""


def _prepare() -> None:
    """Before the first fork: what every job needs is loaded, and one thread is all that libraries start."""
    if CONTEXT.get_start_method() == "fork" and "torch" not in sys.modules:
        os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
        load_torch()
        import harness.running.search
        import harness.running.train  # noqa: F401
        from spaces.parts.cpu.build import library

        library("float")


def _child(job: Job, found: dict[Search, Record], hours: float | None) -> None:
    """One job: its output goes to its own log. Exits with its batch, which exits with the driver."""
    parent = multiprocessing.parent_process()
    assert parent
    driver.follow(parent.is_alive)
    log = log_path(job)
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    try:
        if isinstance(job, Search):
            search(job, _paths(job), hours)
        else:
            train(job, found[job.search], _paths(job), hours)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
