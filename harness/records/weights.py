"""Weights that a training keeps beside its record, where `keep_weights` asks for them: RECORD.weights.pt.

The file is the network's state_dict, under the names of its definition, for `torch.load(file, weights_only=True)`. The
record's field `weights` has the file's sha256 and what the weights fit: size (the fields of `spaces.base.Size`),
classes, mean and std of the pixels (from 0 to 1).
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from harness.records.files import write_atomically


class Weights(NamedTuple):
    """`content`: the bytes of the file. `fits`: size, classes, mean and std."""

    content: bytes
    fits: dict[str, Any]

    def field(self) -> dict[str, Any]:
        """The record's field `weights`."""
        return {"sha256": hashlib.sha256(self.content).hexdigest(), **self.fits}


def path(record: Path) -> Path:
    """Where the weights of a record lie."""
    return record.with_suffix(".weights.pt")


def write(record: Path, content: bytes) -> None:
    write_atomically(path(record), content)


def fault(file: Path, record: dict[str, Any]) -> str:
    """What is wrong with the weights of the record in a file: "" where they are as they were written."""
    if "weights" not in record:
        return "made without weights"
    try:
        intact = hashlib.sha256(path(file).read_bytes()).hexdigest() == record["weights"]["sha256"]
    except OSError:
        return f"made with weights that are missing now ({path(file).name})"
    return "" if intact else f"made with weights that were changed since ({path(file).name})"
