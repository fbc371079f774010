"""Notes of the attempts at a job: which process works on it, and how often the kernel has killed one.

A job that the kernel kills for want of memory writes nothing. So each attempt notes the kernel's count of such kills,
and the next attempt compares."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path

import psutil

from harness.records.files import write_atomically

COUNTERS = Path("/proc/vmstat")  # Linux; elsewhere such kills cannot be told from others
ALLOWED = 2  # kills for want of memory, one after another


class Attempts:
    """The attempts at one job, until it ends with a record."""

    def __init__(self, note: Path):
        self._note = note

    def begin(self) -> int:
        """How many attempts, one after another up to this one, the kernel killed while memory was short."""
        now, killed = _kills(), 0
        with suppress(OSError, ValueError, KeyError):  # the first attempt, or no note of ours
            before = json.loads(self._note.read_text())
            killed = before["killed"] + 1 if now > before["kills"] else 0
        own = {"process": os.getpid(), "began": time.time(), "started": psutil.Process().create_time()}
        write_atomically(self._note, json.dumps({"kills": now, "killed": killed, **own}).encode())
        return killed

    def end(self) -> None:
        self._note.unlink(missing_ok=True)

    def running(self) -> float | None:
        """When the attempt began that a process of this machine works on now, in seconds since 1970; None where none
        does."""
        with suppress(OSError, ValueError, KeyError, psutil.Error):
            note = json.loads(self._note.read_text())
            process = psutil.Process(note["process"])
            if process.create_time() == note["started"] and process.status() != psutil.STATUS_ZOMBIE:
                return float(note["began"])
        return None


def _kills() -> int:
    """Processes that the kernel has killed for want of memory since it started, in containers too."""
    try:
        lines = COUNTERS.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
