"""Runs one job of the benchmark, a search or a training, and writes its record."""

from __future__ import annotations

import math
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import records, registry
from harness.jobs import Search, Training
from harness.seeds import seed_of
from protocols.datasets import load, manifest
from spaces.base import UserError


def search(job: Search, data: Path, out: Path, work: Path) -> dict[str, Any]:
    """Searches and writes the record to `out`; checkpoints live below `work`."""
    from harness.searching import SearchRun

    space = registry.space(job.space)
    method = registry.method(job.method, **dict(job.parameters))
    if reason := method.unsupported(space):
        raise UserError(f"method {job.method} cannot search space {job.space}: {reason}")
    clock = records.Clock()
    run = SearchRun(job, space, data, work / f"{job.name}.checkpoint", clock)

    def body() -> dict[str, Any]:
        arch = method.search(run)
        if not isinstance(arch, tuple) or not space.valid(arch):
            raise TypeError(f"method {job.method} returned {arch!r}, which is no architecture of space {job.space}")
        return {"arch": space.text(arch), **run.outcome()}

    record = _record("search", job, data, clock, body)
    records.write(out, record)
    run.finish()
    return record


def train(job: Training, found: dict[str, Any], data: Path, out: Path, work: Path) -> dict[str, Any]:
    """Trains the architecture that a search's record names, measures its test accuracy once, writes the record to
    `out`."""
    import torch

    from harness.checkpoint import Checkpoint
    from harness.describe import describe
    from harness.training import Diverged, accuracy, build, device
    from harness.training import train as train_network

    space, setting, loaded, clock = registry.space(job.search.space), job.setting, load(data), records.Clock()
    seed = seed_of(**job.search.key, cells=job.cells, repeat=job.repeat, purpose="train")
    checkpoint = Checkpoint(work / f"{job.name}.checkpoint", job.fingerprint())

    def body() -> dict[str, Any]:
        if found["status"] != "done":
            raise RuntimeError(f"the search {found['status']}: {found['reason']}")
        design = space.read(found["arch"])
        size = job.size(len(loaded.classes), loaded.inputs)
        network = build(space, design, size, seed, device())
        images = torch.cat([loaded.train.images, loaded.val.images])
        labels = torch.cat([loaded.train.labels, loaded.val.labels])
        generator = torch.Generator().manual_seed(seed)
        epochs = setting.recipe.epochs
        curves = train_network(
            network, images, labels, loaded, setting, generator, checkpoint, epochs, {"clock": clock}
        ).columns()
        if not math.isfinite(curves["loss"][-1]):
            raise Diverged(f"the training loss was {curves['loss'][-1]} in the last epoch")
        result = {
            "test_accuracy": accuracy(network, loaded.test.images, loaded.test.labels, loaded, setting),
            "train_accuracy": curves["accuracy"][-1],
            "images": len(images) * epochs,
            **describe(space, design, replace(size, auxiliary=False)),
        }
        return {"arch": space.write(design), "result": result, "curves": curves}

    record = _record("train", job, data, clock, body)
    records.write(out, record)
    checkpoint.remove()
    return record


def _record(
    kind: str, job: Search | Training, data: Path, clock: records.Clock, body: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """The record of a job. A failure is a record too, with its reason, so that the other jobs and the tables go on."""
    try:
        outcome = {"status": "done", **body()}
    except UserError:
        raise
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        status = "diverged" if type(error).__name__ == "Diverged" else "failed"
        outcome = {"status": status, "reason": f"{type(error).__name__}: {error}", "result": {}, "curves": {}}
    return {
        "kind": kind,
        "key": job.key,
        "config": job.specification(),
        "fingerprint": job.fingerprint(),
        "data": manifest(data)["sha256"],
        "environment": records.environment("torch", "numpy"),
        "measured": clock.measured(),
        **outcome,
    }
