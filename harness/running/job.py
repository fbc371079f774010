"""Runs one job of the benchmark, a search or a training, and writes its record.

A record that is done is kept a second time in work/finished/, under the hash of all that it was made from: Snakemake
deletes the output of a job whose end it did not see, and the job, started again, takes its record from there.
"""

from __future__ import annotations

import gc
import random
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness import records
from harness.plan import registry
from harness.plan.jobs import RANDOM, Search, Training, hash_of
from harness.plan.seeds import seed_of
from harness.running.clock import Clock
from harness.running.curves import Diverged
from harness.running.memory_kills import ALLOWED, Attempts
from harness.running.preloaded import leave
from protocols.datasets.base import load, manifest
from spaces.base import UserError
from spaces.parts.cpu.build import compiler


@dataclass(frozen=True)
class Place:
    """Where a job reads and writes."""

    data: Path  # the prepared dataset
    out: Path  # the record
    work: Path = Path("work")  # checkpoints and finished records
    hours: float | None = None  # time limit; no limit where None


def search(job: Search, place: Place) -> dict[str, Any]:
    """Searches, and writes the record."""
    from harness.running.search import SearchRun

    space = registry.space(job.space)
    method = registry.method(job.method, **dict(job.parameters))
    if reason := method.unsupported(space):
        raise UserError(f"method {job.method} cannot search space {job.space}: {reason}")

    def body(identity: str, checkpoint: Path, clock: Clock) -> dict[str, Any]:
        run = SearchRun(job, space, place.data, checkpoint, identity, clock)
        if job.method != RANDOM:
            _load_torch()
        before = _global_generators()
        arch = method.search(run)
        if not isinstance(arch, tuple) or not space.valid(arch):
            raise TypeError(f"method {job.method} returned {arch!r}, which is no architecture of space {job.space}")
        for library in _drawn_from(before):
            raise RuntimeError(f"method {job.method} drew from {library}'s global generator: draw from run.rng")
        return {"arch": space.text(arch), **run.outcome()}

    return _record("search", job, place, {}, body)


def train(job: Training, found: dict[str, Any], place: Place) -> dict[str, Any]:
    """Trains the architecture that a search's record names, measures its test accuracy once, writes the record."""

    def body(identity: str, checkpoint: Path, clock: Clock) -> dict[str, Any]:
        _load_torch()
        import torch

        from harness.running.checkpoint import Checkpoint
        from harness.running.counts import describe
        from harness.running.train import accuracy, build, device
        from harness.running.train import train as train_network

        if found["status"] != "done":
            raise RuntimeError(f"the search {found['status']}: {found['reason']}")
        space, setting, data = registry.space(job.search.space), job.setting, load(place.data)
        seed = seed_of(**job.search.key, cells=job.cells, repeat=job.repeat, purpose="train")
        design = space.read(found["arch"])
        size = job.size(len(data.classes), data.inputs)
        network = build(space, design, size, seed, device())
        images = torch.cat([data.train.images, data.val.images])
        labels = torch.cat([data.train.labels, data.val.labels])
        generator = torch.Generator().manual_seed(seed)
        epochs = setting.recipe.epochs
        curves = train_network(
            network,
            images,
            labels,
            data,
            setting,
            generator,
            Checkpoint(checkpoint, identity),
            epochs,
            {"clock": clock},
        ).columns()
        result = {
            "test_accuracy": accuracy(network, data.test.images, data.test.labels, data, setting),
            "train_accuracy": curves["accuracy"][-1],
            "images": len(images) * epochs,
            **describe(space, design, replace(size, auxiliary=False)),
        }
        return {"arch": space.write(design), "result": result, "curves": curves}

    return _record("train", job, place, {"arch": found.get("arch")}, body)


def _load_torch() -> None:
    """Imports torch without the garbage collector, which would look for cycles in what stays anyway: 0.2 s less."""
    gc.disable()
    import torch  # noqa: F401

    gc.enable()
    gc.freeze()


def _record(
    kind: str,
    job: Search | Training,
    place: Place,
    inputs: dict[str, Any],
    body: Callable[[str, Path, Clock], dict[str, Any]],
) -> dict[str, Any]:
    """Does a job unless it was done already, and writes its record. A failure is a record too, with its status and
    reason, so that the other jobs and the tables go on; a UserError is none: it is to be mended first."""
    clock = Clock()
    made_from = {"fingerprint": job.fingerprint(), "data": manifest(place.data)["sha256"]}
    environment = records.environment("torch", "numpy") | {"kernels": compiler() or "none"}
    versions = {name: version for name, version in environment.items() if name != "commit"}
    identity = hash_of({**made_from, **versions, **inputs})
    kept, checkpoint = place.work / "finished" / f"{identity}.json", place.work / f"{job.name}.checkpoint"
    attempts = Attempts(place.work / f"{job.name}.attempt")

    def ended(status: str, outcome: dict[str, Any]) -> dict[str, Any]:
        record = {
            "kind": kind,
            "key": job.key,
            "config": job.specification(),
            "environment": environment,
            **made_from,
            "measured": clock.measured(),
            "status": status,
            **outcome,
        }
        if status == "done":
            records.write(kept, record)
        records.write(place.out, record)
        checkpoint.unlink(missing_ok=True)
        attempts.end()
        return record

    if record := _finished(kept):
        records.write(place.out, record)
        return record
    if attempts.begin() >= ALLOWED:
        return ended("oom", _failure(f"the kernel killed it {ALLOWED} times for want of memory"))
    limit = _limit(place.hours, lambda reason: ended("timeout", _failure(reason)))
    try:
        outcome = body(identity, checkpoint, clock)
    except UserError:
        raise
    except Diverged as error:
        return ended("diverged", _failure(str(error), error.curves))
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        return ended("oom" if _out_of_memory(error) else "failed", _failure(f"{type(error).__name__}: {error}"))
    finally:
        limit.cancel()
    return ended("done", outcome)


def _failure(reason: str, curves: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"reason": reason, "result": {}, "curves": curves or {}}


def _finished(kept: Path) -> dict[str, Any] | None:
    """The record that an earlier attempt has finished. One that was cut or edited is reported and made again."""
    if not kept.exists():
        return None
    try:
        return records.read(kept)
    except UserError as error:
        print(f"{error}; ignored", file=sys.stderr)
        return None


def _limit(hours: float | None, expired: Callable[[str], Any]) -> threading.Timer:
    """Ends this process when its time is up, also where it hangs in a call that never returns to Python's main loop."""

    def end() -> None:
        expired(f"not finished after {hours:g} hours")
        leave(0)

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


def _global_generators() -> dict[str, Any]:
    """States of the generators that no method may draw from."""
    _, words, position, *_ = sys.modules["numpy"].random.get_state()
    states = {"random": random.getstate(), "numpy": (words.tobytes(), position)}
    if torch := sys.modules.get("torch"):
        states["torch"] = torch.get_rng_state().numpy().tobytes()
    return states


def _drawn_from(before: dict[str, Any]) -> list[str]:
    """The libraries whose global generator has moved since."""
    now = _global_generators()
    if "torch" in now and "torch" not in before:  # loaded since then
        torch = sys.modules["torch"]
        start = torch.Generator().manual_seed(torch.initial_seed())
        before = {**before, "torch": start.get_state().numpy().tobytes()}
    return [library for library, state in now.items() if state != before[library]]
