"""Where a benchmark stands: what is done, what runs, what failed and why, what is yet to come."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from statistics import mean
from typing import NamedTuple

from harness.config import Config
from harness.jobs import Search
from harness.plan import Entry, entries

LOGS = Path("work/logs")


class Line(NamedTuple):
    """A job that deserves a line of its own."""

    state: str
    name: str
    detail: str


class Status(NamedTuple):
    """`counts`: jobs by (dataset, space, method) and by state: a record's status, "spoilt", "running" or "waiting".
    `lines`: what runs, and what went wrong. `seconds`: what the waiting jobs will need, one after the other, by the
    mean of those like them that are done; None where there is none like them."""

    counts: dict[tuple[str, str, str], Counter[str]]
    lines: list[Line]
    seconds: float | None

    @property
    def total(self) -> Counter[str]:
        return sum(self.counts.values(), Counter())

    @property
    def finished(self) -> bool:
        return set(self.total) == {"done"}


def status(config: Config) -> Status:
    """Reads every record there is; a job without one that has a log is running, or was cut off."""
    counts: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    lines, waiting, seconds = [], [], defaultdict(list)
    for entry in entries(config):
        state, detail = _state(entry)
        key = entry.job.key
        counts[key["dataset"], key["space"], key["method"]][state] += 1
        if state == "done":
            seconds[_like(entry)].append(entry.record["measured"]["seconds"])
        elif state in ("waiting", "running"):
            waiting.append(_like(entry))
        if state not in ("done", "waiting"):
            lines.append(Line(state, entry.job.name, detail))
    known = [mean(seconds[kind]) for kind in waiting if kind in seconds]
    return Status(dict(counts), lines, sum(known) * len(waiting) / len(known) if known else None)


def _state(entry: Entry) -> tuple[str, str]:
    log = LOGS / f"{entry.job.name}.log"
    if entry.problem:
        return "spoilt", entry.problem
    if entry.record:
        return entry.record["status"], f"{entry.record.get('reason', '')} ({log})"
    if log.exists():
        return "running", (log.read_text(errors="replace").splitlines() or ["starting"])[-1][:100]
    return "waiting", ""


def _like(entry: Entry) -> tuple[object, ...]:
    """Jobs that take about as long as each other."""
    key = entry.job.key
    kind = "search" if isinstance(entry.job, Search) else "train"
    return kind, key["space"], key["method"] if kind == "search" else key["cells"]


def text(found: Status) -> str:
    """For a terminal: a row a cell of the benchmark, then what runs and what went wrong."""
    states = sorted(found.total, key=lambda state: (state != "done", state))
    rows = [("dataset", "space", "method", *states)]
    rows += [(*cell, *(str(counts[state] or "·") for state in states)) for cell, counts in sorted(found.counts.items())]
    rows.append(("all", "", "", *(str(found.total[state]) for state in states)))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    said = ["  ".join(word.ljust(width) for word, width in zip(row, widths)).rstrip() for row in rows]
    said += [f"{line.state}: {line.name}: {line.detail}" for line in found.lines]
    if found.seconds is not None:
        said.append(f"left: about {found.seconds / 60:.0f} minutes of work, divided by the jobs that run side by side")
    return "\n".join(said)
