"""Records: small JSON files, one a search and one a training. They are the truth; tables, figures and MLflow are views.

Fields: schema, kind ("search" or "train"), status ("done", or why not: "diverged", "failed", "oom", "timeout"), key
(the axes), arch (text), result, curves (columns of numbers, one row an epoch), config (all that decided the outcome),
fingerprint (its hash), data (hash of the prepared dataset), environment (versions, commit), measured (times, dates,
host: the only part that may differ when the job is run again), sha256 (of all but `measured` and itself).
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from harness.plan.fingerprints import hash_of
from harness.plan.registry import ROOT
from spaces.base import UserError

SCHEMA = 1


def seal(record: dict[str, Any]) -> str:
    return hash_of({name: value for name, value in record.items() if name not in ("measured", "sha256")})


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


def write_atomically(path: Path, content: bytes) -> None:
    """Whole or not at all, on the disk when this returns. UserError where the disk is full or cannot be written."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}: mend that and run the same command again") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@cache
def commit() -> str:
    """The checked-out commit, with "+changes" where the working tree differs from it; "unknown" outside a checkout."""
    try:
        git = ["git", "--no-optional-locks", "-C", str(ROOT)]  # a job that is killed must leave no lock
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        changed = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+changes" if changed else "")


def environment(*packages: str) -> dict[str, str]:
    """Versions that a difference between two records could come from."""
    return {"python": platform.python_version(), **{name: version(name) for name in packages}, "commit": commit()}


@cache
def machine() -> str:
    """Processor and number of cores, as captions name them."""
    try:
        cpu = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name"))
        cpu = cpu.split(":", 1)[1].strip()
    except (OSError, StopIteration):
        cpu = platform.processor() or platform.machine()
    return f"{cpu}, {os.cpu_count()} cores"


class Clock:
    """Measures a job: seconds of the clock and of the processor, peak memory, and when and where it ran."""

    def __init__(self) -> None:
        self.started = time.time()
        self.before = 0.0  # seconds of earlier attempts that were cut off

    def seconds(self) -> float:
        return self.before + time.time() - self.started

    def state_dict(self) -> dict[str, float]:
        return {"seconds": self.seconds()}

    def load_state_dict(self, state: dict[str, float]) -> None:
        self.before = state["seconds"]

    def measured(self) -> dict[str, Any]:
        import resource

        return {
            "seconds": round(self.seconds(), 3),
            "cpu_seconds": round(time.process_time(), 3),
            "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.started)),
            "host": platform.node(),
            "machine": machine(),
        }
