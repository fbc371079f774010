"""What a job runs on: versions, commit and machine, as records say them."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib import metadata
from pathlib import Path

from harness.records.checkout import commit

version = cache(metadata.version)  # it reads a file of 10 kB each time


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
