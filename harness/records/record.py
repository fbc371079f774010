"""Records: small JSON files, one a search and one a training. They are the truth; tables, figures and MLflow are views.

Fields: schema, kind ("search" or "train"), status ("done", or why not: "diverged", "failed", "oom", "timeout"), key
(the axes), arch (text), result, curves (columns of numbers, one row an epoch), config (all that decided the outcome),
fingerprint (its hash), data (hash of the prepared dataset), environment (versions, commit), measured (times, dates,
host: the only part that may differ when the job is run again), sha256 (of all but `measured` and itself). A training
that keeps its weights also has weights (see `harness.records.weights`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.plan import rechecks
from harness.plan.fingerprints import hash_of
from harness.records.files import write_atomically
from spaces.base import UserError

SCHEMA = 1


def seal(record: dict[str, Any]) -> str:
    return hash_of({name: value for name, value in record.items() if name not in ("measured", "sha256")})


def below(folder: Path) -> list[Path]:
    """The records in a folder and its subfolders, sorted. What a recheck declared may lie beside them: it is none."""
    return sorted(path for path in folder.rglob("*.json") if path.name != rechecks.NAME)


def write(path: Path, record: dict[str, Any]) -> None:
    """Writes a record whole or not at all."""
    record = {"schema": SCHEMA, **record}
    record["sha256"] = seal(record)
    write_atomically(path, json.dumps(record, indent=1, sort_keys=True).encode() + b"\n")


def read(path: Path) -> dict[str, Any]:
    """A record, refused where it was cut, edited or written by a newer version."""
    cure = "delete it and run the same command again"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise UserError(f"record {path} cannot be read ({error}): {cure}") from None
    if not isinstance(record, dict) or "sha256" not in record:
        raise UserError(f"record {path} is not a record of this benchmark: {cure}")
    if record.get("schema", 0) > SCHEMA:
        raise UserError(f"record {path} has schema {record['schema']}, newer than {SCHEMA}: update the benchmark")
    if record["sha256"] != seal(record):
        raise UserError(f"record {path} was changed after it was written (its checksum differs): {cure}")
    return record
