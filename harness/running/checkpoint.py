"""Checkpoints at the end of each epoch, so that a job that was killed goes on where it was."""

from __future__ import annotations

import hashlib
import io
import random
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from harness.records.files import write_atomically


def _take(thing: Any) -> Any:
    if isinstance(thing, torch.Generator):
        return thing.get_state()
    if isinstance(thing, random.Random):
        return thing.getstate()
    return thing.state_dict()


def _give(thing: Any, state: Any) -> None:
    if isinstance(thing, torch.Generator):
        thing.set_state(state)
    elif isinstance(thing, random.Random):
        thing.setstate(state)
    else:
        thing.load_state_dict(state)


class Checkpoint:
    """A file that holds the state of one job after its last whole epoch: a sha256, then the state. Without a path
    nothing is kept."""

    def __init__(self, path: Path | None, identity: str):
        """`identity`: a hash of all that the job is made from; a checkpoint of another one is ignored."""
        self.path = path
        self.identity = identity

    def epochs(self, epochs: int, state: Mapping[str, Any]) -> Iterator[int]:
        """Counts epochs. What `state` names is restored before the first and kept after each."""
        for epoch in range(self.restore(state), epochs):
            yield epoch
            self.save(epoch + 1, state)

    def save(self, done: int, state: Mapping[str, Any]) -> None:
        """Keeps what `state` names, after `done` epochs."""
        if self.path is None:
            return
        buffer = io.BytesIO()
        taken = {name: _take(thing) for name, thing in state.items()}
        torch.save({"identity": self.identity, "done": done, "state": taken}, buffer)
        body = buffer.getvalue()
        write_atomically(self.path, hashlib.sha256(body).digest() + body)

    def restore(self, state: Mapping[str, Any]) -> int:
        """Restores what `state` names, if it was kept; the number of epochs done."""
        if self.path is None or not self.path.exists():
            return 0
        content = self.path.read_bytes()
        digest, body = content[:32], content[32:]
        if hashlib.sha256(body).digest() != digest:
            return self._ignore("was cut or changed")
        saved = torch.load(io.BytesIO(body), weights_only=True)
        if saved.get("identity") != self.identity or saved["state"].keys() != state.keys():
            return self._ignore("belongs to another configuration, dataset or version")
        for name, thing in state.items():
            _give(thing, saved["state"][name])
        return saved["done"]

    def _ignore(self, why: str) -> int:
        print(f"checkpoint {self.path} {why}: ignored, starting afresh", file=sys.stderr)
        return 0
