"""A job that the kernel kills for want of memory writes nothing. So each attempt leaves a note of the kernel's count of
such kills; the next one finds it, and can tell."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

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
        write_atomically(self._note, json.dumps({"kills": now, "killed": killed}).encode())
        return killed

    def end(self) -> None:
        self._note.unlink(missing_ok=True)


def _kills() -> int:
    """Processes that the kernel has killed for want of memory since it started, in containers too."""
    try:
        lines = COUNTERS.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
