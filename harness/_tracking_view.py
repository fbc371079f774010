"""What an MLflow run shows of a record: its name, tags, parameters and metrics."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow.entities import Metric, Param

Record = dict[str, Any]
TEXT_LENGTH, NAME_LENGTH = 6000, 250  # MLflow refuses longer ones
OPTIONAL = {"arch": "", "result": {}, "curves": {}, "config": {}, "environment": {}, "fingerprint": ""}


def complete(record: Record) -> Record:
    """A record with its absent fields empty: a failed job has no architecture, or no result."""
    return OPTIONAL | {name: value for name, value in record.items() if value is not None}


def job_key(record: Record) -> str:
    """What a record is about, as a path; a record that is made again keeps it."""
    key = record["key"]
    job = f"{record['kind']}-{key['seed']}" + "".join(f"-{a}{key[a]}" for a in ("cells", "repeat") if a in key)
    return "/".join((key["protocol"], key["dataset"], key["space"], key["method"], job))


def title(record: Record) -> str:
    key = record["key"]
    cells = f" {key['cells']} cells repeat {key['repeat']}" if "cells" in key else ""
    return f"{key['dataset']} {key['space']}/{key['method']} seed {key['seed']} {record['kind']}{cells}"


def tags(record: Record) -> dict[str, str]:
    measured = {name: value for name, value in record["measured"].items() if isinstance(value, str)}
    own = {"role": record["kind"], "status": record["status"], "record": record["sha256"], "job_key": job_key(record)}
    return {name: str(value) for name, value in (record["environment"] | measured | record["key"] | own).items()}


def period(record: Record) -> tuple[int, int]:
    """When the job began and ended, in milliseconds since 1970."""
    start = datetime.fromisoformat(record["measured"]["date"]).timestamp()
    return round(1000 * start), round(1000 * (start + record["measured"]["seconds"]))


def metrics(record: Record) -> list[Metric]:
    """Curves under their own names (step: epoch), final results as `result/…`, costs as `measured/…`. Times come
    from the record, so that every import gives the same points."""
    from mlflow.entities import Metric

    start, end = period(record)
    curves = dict(record["curves"])
    epochs = curves.pop("epoch", [])
    points = [
        (name, value, start + (end - start) * (i + 1) // len(epochs), epoch)
        for name, column in curves.items()
        for i, (epoch, value) in enumerate(zip(epochs, column))
    ]
    for group in ("result", "measured"):
        points += [(f"{group}/{name}", value, end, 0) for name, value in record[group].items()]
    return [Metric(_name(name), float(v), at, step) for name, v, at, step in points if isinstance(v, int | float)]


def infinite(metrics: list[Metric]) -> dict[str, str]:
    """Tags `exact <metric>`: "inf at step 3, …", because MLflow stores infinite values as ±1.8e308."""
    texts: dict[str, list[str]] = {}
    for metric in metrics:
        if math.isinf(metric.value):
            texts.setdefault(f"exact {metric.key}", []).append(f"{metric.value} at step {metric.step}")
    return {name: ", ".join(text)[:TEXT_LENGTH] for name, text in texts.items()}


def params(record: Record) -> list[Param]:
    from mlflow.entities import Param

    values = dict(_flat(record["config"])) | {"fingerprint": record["fingerprint"], "arch": record["arch"]}
    return [Param(_name(name), str(value)[:TEXT_LENGTH]) for name, value in values.items()]


def _flat(config: Record, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings as (dotted name, value)."""
    for name, value in config.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _name(text: str) -> str:
    """A name that MLflow takes."""
    return re.sub(r"[^\w.\- :/]", "_", text)[:NAME_LENGTH]
