"""Runs one search or one training and writes its record.

A record that is done is kept a second time in work/finished/, under the hash of all that it was made from: Snakemake
deletes the output of a job whose end it did not see, and the job, started again, takes its record from there.
"""

from __future__ import annotations

import gc
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import records
from harness.plan import registry
from harness.plan.fingerprints import hash_of
from harness.plan.jobs import LAYERS, Search, Training, needs_torch
from harness.records import weights
from harness.running.attempts import ALLOWED, Attempts
from harness.running.clock import Clock
from harness.running.curves import Diverged
from harness.running.driver import leave
from protocols.datasets import manifest
from spaces.base import UserError
from spaces.parts.cpu import numerics
from spaces.parts.cpu.build import compiler

if TYPE_CHECKING:
    from harness.running.checkpoint import Checkpoint

Record = dict[str, Any]
Outcome = dict[str, Any]
"""What a search or training adds to its record: arch, result, curves."""


@dataclass(frozen=True)
class JobPaths:
    """What a job reads and writes."""

    data: Path  # the prepared dataset
    out: Path  # the record
    work: Path = Path("work")  # checkpoints and finished records
    late: int = 0  # exit status of a process that its limit of time ends
    trace: Path | None = None  # file for the traceback of a failure; without one it goes to stderr


def search(job: Search, paths: JobPaths, hours: float | None = None) -> Record:
    """Searches, and writes the record. `hours`: after so many the job ends as a timeout."""
    numerics.choose(job.mode)
    space = registry.space(job.space)
    method = registry.method(job.method, **dict(job.parameters))
    if reason := method.unsupported(space):
        raise UserError(f"method {job.method} cannot search space {job.space}: {reason}")

    def work(run: Attempt) -> Outcome:
        if needs_torch(job):
            load_torch()
        from harness.running.search import search

        return search(job, paths.data, run.checkpoint, run.clock)

    return Attempt("search", job, paths, {}).finish(work, hours)


def train(job: Training, found: Record, paths: JobPaths, hours: float | None = None) -> Record:
    """Trains the architecture that `found`, the record of a search, names; measures its test accuracy once; writes the
    record."""
    numerics.choose(job.mode)

    def work(run: Attempt) -> Outcome:
        if found["status"] != "done":
            raise RuntimeError(f"the search {found['status']}: {found['reason']}")
        if job.setting.looks_up:
            from harness.running.lookup import look_up

            return look_up(job, {"result": {}, **found}, paths.data)  # what is given by hand comes without a search
        load_torch()
        from harness.running.train import train

        outcome, run.weights = train(job, found["arch"], paths.data, run.checkpoint(), run.clock)
        return outcome

    return Attempt("train", job, paths, {"arch": found.get("arch")}).finish(work, hours)


def load_torch() -> None:
    """Imports torch without the garbage collector, which would look for cycles in what stays anyway: 0.2 s less.
    UserError where torch does not compute with the numerics that were chosen."""
    if "torch" not in sys.modules:
        gc.disable()
        import torch  # noqa: F401

        gc.enable()
        gc.freeze()
    numerics.verify()


class Attempt:
    """A search or a training on its way to its record. `inputs`: what it is made from besides its job and the data."""

    def __init__(self, kind: str, job: Search | Training, paths: JobPaths, inputs: dict[str, Any]):
        self.kind, self.job, self.out = kind, job, paths.out
        self.late, self.trace = paths.late, paths.trace
        self.clock = Clock()
        self.made_from = {"fingerprint": job.fingerprint(), "data": manifest(paths.data)["sha256"]}
        self.environment = records.environment("torch", "numpy") | _numerics(job)
        versions = {name: version for name, version in self.environment.items() if name != "commit"}
        self.identity = hash_of({**self.made_from, **versions, **inputs})
        self.kept = paths.work / "finished" / f"{self.identity}.json"
        self.checkpoints = {kind: paths.work / f"{job.name}.{kind}" for kind in ("checkpoint", "journal")}
        self.keeps = not job.setting.looks_up  # what takes milliseconds is done again after a kill
        self.attempts = Attempts(paths.work / job.name)
        self.keeps_weights = isinstance(job, Training) and job.keep_weights
        self.weights: weights.Weights | None = None

    def checkpoint(self, kind: str = "checkpoint") -> Checkpoint:
        """`kind`: "checkpoint" of epochs, or "journal" of the answers that a search by evaluations got."""
        from harness.running.checkpoint import Checkpoint

        return Checkpoint(self.checkpoints[kind], self.identity)

    def restored(self) -> Record | None:
        """The record that an earlier attempt has finished, written again. One that was cut or edited is reported, and
        None returned: the run is done again."""
        if not self.keeps or not self.kept.exists():
            return None
        try:
            record = records.read(self.kept)
        except UserError as error:
            print(f"{error}; ignored", file=sys.stderr)
            return None
        if not self.keeps_weights:
            record.pop("weights", None)
        elif fault := weights.fault(self.kept, record):
            print(f"record {self.kept} was {fault}; ignored", file=sys.stderr)
            return None
        else:
            weights.write(self.out, weights.path(self.kept).read_bytes())
        records.write(self.out, record)
        return record

    def finish(self, work: Callable[[Attempt], Outcome], hours: float | None) -> Record:
        """The record: of an earlier attempt, or of the work, which is done here and now by this process alone."""
        if not self.keeps:
            return self._do(work, hours)
        with self.attempts.begin() as killed:
            if record := self.restored():
                return record
            self.clock = Clock()  # it does not count what this process has waited for another one
            if killed >= ALLOWED:
                return self.end("oom", _failure(f"the kernel killed it {ALLOWED} times for want of memory"))
            return self._do(work, hours)

    def _do(self, work: Callable[[Attempt], Outcome], hours: float | None) -> Record:
        """Does the work and writes the record. A failure is a record too, with its status and reason, so that the other
        runs and the tables go on; a UserError is none: the user corrects it first."""
        limit = _limit(hours, self.late, lambda reason: self.end("timeout", _failure(reason)))
        try:
            outcome = work(self)
        except UserError:
            raise
        except Diverged as error:
            return self.end("diverged", _failure(str(error), error.curves))
        except Exception as error:
            self._trace()
            reason = f"{type(error).__name__}: {error}"
            return self.end("oom" if _out_of_memory(error) else "failed", _failure(reason))
        finally:
            limit.cancel()
        return self.end("done", outcome)

    def _trace(self) -> None:
        """Keeps the traceback of the exception at hand for who wrote the method."""
        if self.trace:
            self.trace.parent.mkdir(parents=True, exist_ok=True)
            self.trace.write_text(traceback.format_exc(), encoding="utf-8")
        else:
            traceback.print_exc(file=sys.stderr)

    def end(self, status: str, outcome: Outcome) -> Record:
        """Writes the record, and removes what only an unfinished run needs."""
        record = {
            "kind": self.kind,
            "key": self.job.key,
            "config": self.job.specification(),
            "modules": self.job.modules(),
            "environment": self.environment,
            **self.made_from,
            "measured": self.clock.measured(),
            "status": status,
            **outcome,
        }
        if self.weights and status == "done":
            record["weights"] = self.weights.field()
            for file in (self.kept, self.out):  # before the record that names them
                weights.write(file, self.weights.content)
        elif (earlier := weights.path(self.out)).exists():
            earlier.unlink()
        if status == "done" and self.keeps:
            records.write(self.kept, record)
        records.write(self.out, record)
        if self.keeps:
            for path in self.checkpoints.values():
                path.unlink(missing_ok=True)
            self.attempts.end()
        return record


def _numerics(job: Search | Training) -> dict[str, str]:
    """What the record's environment says of them. UserError where a compiler is there and fails: the fingerprint says
    that there are kernels."""
    found = compiler()
    if not found and not job.rests_on.endswith(LAYERS):
        raise UserError("the kernels do not compile: mend the compiler (CC), or set NAS_KERNELS=0 to do without them")
    return {"numerics": job.mode, "kernels": found or "none"}


def _failure(reason: str, curves: dict[str, Any] | None = None) -> Outcome:
    return {"reason": reason, "result": {}, "curves": curves or {}}


def _limit(hours: float | None, status: int, expired: Callable[[str], Any]) -> threading.Timer:
    """Ends this process with this status when its time is up, also where it hangs in a call that never returns to
    Python's main loop."""

    def end() -> None:
        reason = f"not finished after {hours:g} hours"
        expired(reason)
        if status:
            print(f"error: timeout: {reason}", file=sys.stderr, flush=True)
        leave(status)

    timer = threading.Timer((hours or 0) * 3600, end)
    timer.daemon = True
    if hours is not None:
        timer.start()
    return timer


def _out_of_memory(error: Exception) -> bool:
    """On a CPU torch raises a plain RuntimeError."""
    return isinstance(error, MemoryError) or any(
        said in str(error) for said in ("out of memory", "can't allocate memory", "not enough memory")
    )
