"""Records of trainings that kept their weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.plan.jobs import Training
from harness.records.record import read
from harness.records.weights import fault
from spaces.base import UserError


def kept(file: Path) -> dict[str, Any]:
    """The record in a file whose weights lie beside it as they were written; else UserError says how to get them."""
    if not file.exists():
        raise UserError(f"{file}: no such file: name the record of a training, …/train-….json below results/")
    record = read(file)
    key = record["key"]
    if record["kind"] != "train":
        raise UserError(f"record {file} is of a search, which trains no network: name a training of what it found")
    if record["status"] != "done":
        raise UserError(f"record {file} has no network: the training {record['status']}: {record['reason']}")
    name = Training.of_key(key).name
    again = f"python -m harness run --config CONFIG --override keep_weights=true {name}"
    if "weights" not in record:
        raise UserError(
            f"record {file} kept no weights: put `keep_weights: true` into its configuration and run snakemake again,"
            f" or this job alone: {again} (one that was trained by hand: train … --keep-weights)"
        )
    if wrong := fault(file, record):
        raise UserError(f"record {file} was {wrong}: put them back, or train it again: {again}")
    return record
