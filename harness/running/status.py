"""Where a benchmark stands, also while it runs: what is done, what runs, what failed and why, what the rest takes."""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from pathlib import Path
from statistics import mean
from typing import NamedTuple

from harness.plan.config import Config
from harness.plan.jobs import Search
from harness.records.belonging import Entry, entries
from harness.running import driver as lifeline

LOGS = Path("work/logs")
Kind = tuple[str, str, str]  # search or train, space, method: jobs that take about as long as each other
LEFT = ("running", "stopped", "waiting")


class Line(NamedTuple):
    """A job that deserves a line of its own."""

    state: str
    name: str
    detail: str


class Status(NamedTuple):
    """`counts`: jobs by kind and by state: a record's status, "spoilt", "running", "stopped" (it has begun, and no
    process works on it) or "waiting". `seconds`: means of the jobs that are done, by kind. `lines`: what runs, and what
    went wrong. `work`: seconds that the rest needs, one job after the other; None before the first job is done.
    `driver`: seconds for which a snakemake has been at work here; None where there is none."""

    counts: dict[Kind, Counter[str]]
    seconds: dict[Kind, float]
    lines: list[Line]
    work: float | None
    driver: float | None

    @property
    def total(self) -> Counter[str]:
        return sum(self.counts.values(), Counter())

    @property
    def finished(self) -> bool:
        return set(self.total) == {"done"}


def status(config: Config) -> Status:
    """Reads every record there is, the logs of jobs without one, and asks which processes the driver has started."""
    driver, workers = lifeline.workers(Path(".snakemake"))
    counts: dict[Kind, Counter[str]] = defaultdict(Counter)
    done, lines, left = defaultdict(list), [], []
    for entry in entries(config):
        began = workers.get(str(entry.path))
        state, detail = _state(entry, began)
        kind = _kind(entry)
        counts[kind][state] += 1
        if state == "done":
            done[kind, entry.job.key["dataset"]].append(entry.record["measured"]["seconds"])
        elif state in LEFT:
            left.append((kind, entry.job.key["dataset"], time.time() - began if began else 0.0))
        if state not in ("done", "waiting"):
            lines.append(Line(state, entry.job.name, detail))
    kinds = {kind: mean(sum((times for (k, _), times in done.items() if k == kind), [])) for kind, _ in done}
    work = sum(max(0.0, _expected(kind, dataset, done) - spent) for kind, dataset, spent in left) if done else None
    return Status(dict(counts), kinds, lines, work, driver and time.time() - driver)


def _kind(entry: Entry) -> Kind:
    key = entry.job.key
    if isinstance(entry.job, Search):
        return "search", key["space"], key["method"]
    return "train", key["space"], f"{key['cells']} cells"


def _expected(kind: Kind, dataset: str, done: dict[tuple[Kind, str], list[float]]) -> float:
    """Seconds that a job takes: the mean of the done ones most like it."""
    nearest = (
        lambda k, d: (k, d) == (kind, dataset),
        lambda k, _: k == kind,
        lambda k, _: k[0] == kind[0],
        lambda *_: True,
    )
    for near in nearest:
        if times := [seconds for key, some in done.items() if near(*key) for seconds in some]:
            return mean(times)
    return 0.0


def _state(entry: Entry, began: float | None) -> tuple[str, str]:
    log = LOGS / entry.job.key["protocol"] / f"{entry.job.name}.log"
    if entry.problem:
        return "spoilt", entry.problem
    if entry.record:
        return entry.record["status"], f"{entry.record.get('reason', '')} ({log})"
    if not began and not log.exists():
        return "waiting", ""
    said = log.read_text(errors="replace").splitlines() if log.exists() else []
    said = [line for line in said if line != lifeline.FAREWELL]
    last = (said or ["starting"])[-1]
    if epoch := re.match(r"epoch (\d+): (.*)", last):
        last = f"epoch {int(epoch[1]) + 1} of {_epochs(entry)}, {epoch[2]}"
    if began:
        return "running", f"{last[:100]}, {_time(time.time() - began)}"
    return "stopped", f"{last[:100]} ({log})"


def _epochs(entry: Entry) -> int:
    setting = entry.job.setting
    return setting.budget.epochs if isinstance(entry.job, Search) else setting.recipe.epochs


def _time(seconds: float) -> str:
    """ "40 s", "12 min", "3.4 h"."""
    for unit, length, digits in (("s", 1, 0), ("min", 60, 0), ("h", 3600, 1)):
        if seconds < 90 * length or unit == "h":
            return f"{seconds / length:.{digits}f} {unit}"
    raise AssertionError


def text(found: Status) -> str:
    """For a terminal: a row a kind of job, then what runs and what went wrong, then how long it may take."""
    states = sorted(found.total, key=lambda state: (state != "done", state in LEFT, state))
    rows = [("job", "space", "method, size", *states, "each")]
    for kind, counts in sorted(found.counts.items()):
        each = _time(found.seconds[kind]) if kind in found.seconds else ""
        rows.append((*kind, *(str(counts[state] or "·") for state in states), each))
    rows.append(("all", "", "", *(str(found.total[state]) for state in states), ""))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    said = ["  ".join(word.ljust(width) for word, width in zip(row, widths)).rstrip() for row in rows]
    said += [f"{line.state}: {line.name}: {line.detail}" for line in found.lines]
    return "\n".join([*said, *filter(None, [_outlook(found)])])


def _outlook(found: Status) -> str:
    total, side_by_side = found.total, found.total["running"]
    if not any(total[state] for state in LEFT):
        return ""
    said = f"{sum(total.values()) - sum(total[state] for state in LEFT)} of {sum(total.values())} jobs ended"
    if found.driver is None:
        said += "; no snakemake is at work here"
    else:
        said += f"; snakemake has been at work for {_time(found.driver)}, {side_by_side} jobs side by side"
    if found.work is None:
        return f"{said}; nothing is done yet to estimate the rest from"
    if side_by_side:
        return f"{said}; about {_time(found.work / side_by_side)} left"
    return f"{said}; about {_time(found.work)} of work left, divided by the jobs that run side by side"
