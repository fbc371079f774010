"""The attempts at a job: one process at a time works on it, also on several hosts, and a note counts how often the
kernel has killed one.

A job that the kernel kills for want of memory writes nothing. So each attempt notes the kernel's count of such kills,
and the next attempt compares."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.records.files import write_atomically
from harness.running.driver import ORPHANED, leave
from harness.running.lease import LOST, Lease, place

COUNTERS = Path("/proc/vmstat")  # Linux; elsewhere such kills cannot be told from others
ALLOWED = 2  # kills for want of memory, one after another


class Attempts:
    """The attempts at one job, until it ends with a record. `name`: its path below the work folder, and that folder."""

    def __init__(self, name: Path):
        self._note = name.with_name(f"{name.name}.attempt")
        self._lease = Lease(name)
        self._waits = False

    @contextmanager
    def begin(self) -> Iterator[int]:
        """Waits until no other process works on the job; then how many attempts, one after another up to this one, the
        kernel killed while memory was short."""
        self._lease.take(self._wait, _lost)
        try:
            yield self._count()
        finally:
            self._lease.release()

    def end(self) -> None:
        """The job has its record."""
        self._note.unlink(missing_ok=True)
        self._lease.release()

    def _count(self) -> int:
        now, killed = _kills(), 0
        with suppress(OSError, ValueError, KeyError):  # the first attempt, or no note of ours
            before = json.loads(self._note.read_text())
            if before["place"] == place():  # each kernel counts its own
                killed = before["killed"] + 1 if now > before["kills"] else 0
        write_atomically(self._note, json.dumps({"kills": now, "killed": killed, "place": place()}).encode())
        return killed

    def _wait(self) -> None:
        if not self._waits:
            self._waits = True
            holder = self._lease.holder()
            print(f"waiting: {holder.name if holder else 'another process'} works on this run", flush=True)


def _lost() -> None:
    print(LOST, file=sys.stderr, flush=True)
    leave(ORPHANED)


def _kills() -> int:
    """Processes that the kernel has killed for want of memory since it started, in containers too."""
    try:
        lines = COUNTERS.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
