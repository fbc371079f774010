"""How often a batch may fail: attempts that made progress do not count.

On a cluster a job ends at its wall time, with its node, or where a more important one wants its place. What it did is
kept in checkpoints, and the next attempt goes on from there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

Mark = tuple[int, int]
Paths = Callable[[], Iterable[Path]]
MOST_MEMORY = 4  # times what was estimated


class Patience(int):
    """For a rule's `retries`, where a number is expected: how many attempts without progress, one after another, are
    followed by another one. Snakemake asks `retries > attempts so far` once after each failed attempt, and is answered
    by what that attempt left behind: a checkpoint that has moved, or the log of a job that was not begun before."""

    def __new__(cls, most: Callable[[], int], logs: Paths, checkpoints: Paths) -> Patience:
        return super().__new__(cls, 1)

    def __init__(self, most: Callable[[], int], logs: Paths, checkpoints: Paths) -> None:
        """`most`: known when jobs run, not before. The paths are functions: those of 40,000 jobs take 50 MB."""
        self._most, self._logs, self._checkpoints = most, logs, checkpoints
        self._before: tuple[int, list[Mark]] = (0, [])
        self.barren = 0

    def __gt__(self, attempts: int) -> bool:
        now = sum(log.exists() for log in self._logs()), [mark for file in self._checkpoints() if (mark := _mark(file))]
        self.barren = self.barren + 1 if now == self._before or now == (1, []) else 0
        self._before = now
        return self.barren <= self._most()

    def megabytes(self, estimate: int) -> int:
        """What the next attempt asks for: more after each that got nowhere."""
        return estimate * min(1 + self.barren, MOST_MEMORY)


def _mark(file: Path) -> Mark | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
