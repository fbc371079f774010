"""Lets a method search, and checks what it did."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.plan import registry
from harness.plan.jobs import Search, needs_torch
from harness.running.search_run import SearchRun

if TYPE_CHECKING:
    from harness.running.checkpoint import Checkpoint


def search(job: Search, folder: Path, checkpoint: Callable[[str], Checkpoint], clock: Any) -> dict[str, Any]:
    """Lets the method search, and checks what it did. `folder`: the prepared dataset. `checkpoint` and `clock`: see
    SearchRun. Returns the record's fields arch, result, curves."""
    space = registry.space(job.space)
    run = SearchRun(job, space, folder, checkpoint, clock)
    if needs_torch(job):
        import torch  # noqa: F401 (so that its global generator is watched from the beginning)
    before = _global_generators()
    arch = run.method.search(run)
    outcome = run.outcome()
    if accuracies := run.shared_accuracies(job.ranked):
        outcome["result"]["shared_accuracies"] = accuracies
    if not isinstance(arch, tuple) or not space.valid(arch):
        raise TypeError(f"method {job.method} returned {arch!r}, which is no architecture of space {job.space}")
    for library in _drawn_from(before):
        raise RuntimeError(f"method {job.method} drew from {library}'s global generator: draw from run.rng")
    return {"arch": space.text(arch), **outcome}


def _global_generators() -> dict[str, Any]:
    """States of the generators that no method may draw from."""
    import numpy as np

    state: Any = np.random.get_state()
    _, words, position, *_ = state
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
