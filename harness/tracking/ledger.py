"""Which records a store of MLflow shows, as the last imports into it have noted: so that nobody has to load MLflow, or
to reach its server, to see what is missing. A note of one working folder; the store itself decides."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from harness.records.files import write_atomically
from spaces.base import UserError

LEDGER = Path("work/tracked.json")
DEFAULT = "sqlite:///mlflow.db"


def address() -> str:
    """The tracking store that is used without another word."""
    return os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT


def add(file: Path, uri: str, shown: Iterable[str]) -> None:
    """Notes that a store shows records, each as "EXPERIMENT SHA256". A note that cannot be written is left out."""
    known = _read(file)
    known[_name(uri)] = sorted({*known.get(_name(uri), ()), *shown})
    with suppress(UserError):
        write_atomically(file, json.dumps(known).encode())


def missing(file: Path, experiment: str, records: Iterable[Mapping[str, Any]]) -> int:
    """How many records an experiment of the default store does not show."""
    shown = set(_read(file).get(_name(address()), ()))
    return sum(f"{experiment} {record['sha256']}" not in shown for record in records)


def _name(uri: str) -> str:
    """Of a store: no addresses with passwords in files."""
    return sha256(uri.encode()).hexdigest()[:16]


def _read(file: Path) -> dict[str, list[str]]:
    with suppress(OSError, ValueError):
        return dict(json.loads(file.read_text(encoding="utf-8")))
    return {}
