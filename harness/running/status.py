"""Where a benchmark stands, also while it runs: what is done, what runs, what failed and why, what the rest takes."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from harness.plan.config import Config
from harness.plan.jobs import Search, log_path
from harness.records.belonging import CODE, Held, advice, declared, held
from harness.running import driver
from harness.running.lease import Holder, living

WORK = Path("work")
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
    `driver`: the snakemake that is at work, here or on another host; None where there is none. `good`: the records
    that belong to the benchmark, and where they are."""

    counts: dict[Kind, Counter[str]]
    seconds: dict[Kind, float]
    lines: list[Line]
    work: float | None
    driver: Holder | None
    good: dict[Path, dict[str, Any]]

    @property
    def total(self) -> Counter[str]:
        return sum(self.counts.values(), Counter())

    @property
    def finished(self) -> bool:
        return set(self.total) == {"done"}


def status(config: Config) -> Status:
    """Reads every record there is, and the notes and logs of jobs without one."""
    at_work, running = driver.at_work(), living(WORK)
    counts: dict[Kind, Counter[str]] = defaultdict(Counter)
    done, good, left, lines = defaultdict(list), {}, [], []
    ended: dict[tuple[str, str], list[Held]] = defaultdict(list)  # by state and reason
    spoilt = []
    for one in held(config):
        holder = None if one.record else running.get(one.job.name)
        state, detail = _state(one, holder)
        kind, dataset = _kind(one), one.job.key["dataset"]
        counts[kind][state] += 1
        if one.record:
            good[one.path] = one.record
        if one.record and state == "done":
            done[kind, dataset].append(one.record["measured"]["seconds"])
        elif state in LEFT:
            left.append((kind, dataset, holder.seconds if holder else 0.0))
        elif state == "spoilt":
            spoilt.append(one)
        if state == "running":
            lines.append(Line(state, one.job.name, detail))
        elif state not in ("done", "waiting", "spoilt"):
            ended[state, detail].append(one)
    kinds = {kind: mean(sum((times for (k, _), times in done.items() if k == kind), [])) for kind, _ in done}
    work = sum(max(0.0, _expected(kind, dataset, done) - spent) for kind, dataset, spent in left) if done else None
    lines += [Line(state, _names(some), f"{why} ({log_path(some[0].job)})") for (state, why), some in ended.items()]
    lines += _spoilt(spoilt)
    if said := declared(config.protocol):
        lines.append(Line("note", "recheck", said))
    return Status(dict(counts), kinds, lines, work, at_work, good)


def _spoilt(found: list[Held]) -> list[Line]:
    """One line per fault, however many records have it."""
    by_fault = defaultdict(list)
    for one in found:
        by_fault[CODE if one.stale else one.problem.replace(str(one.path), "")].append(one)
    lines = []
    for fault, some in by_fault.items():
        first = some[0].path
        said = f"{advice(some)} ({first})" if fault == CODE else f"{fault}: delete {first} and run snakemake again"
        if fault.startswith("record "):  # which says its path and the cure
            said = some[0].problem
        lines.append(Line("spoilt", _names(some), said))
    return lines


def _names(some: list[Held]) -> str:
    """Of jobs with one fault: the first, and how many more."""
    others = {1: "", 2: " and 1 other"}.get(len(some), f" and {len(some) - 1} others")
    return f"{some[0].job.name}{others}"


def _kind(one: Held) -> Kind:
    key = one.job.key
    if isinstance(one.job, Search):
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


def _state(one: Held, holder: Holder | None) -> tuple[str, str]:
    log = log_path(one.job)
    if holder:
        where = "" if holder.here else f", {holder.name}"
        return "running", f"{_last(one, log)}, {_time(holder.seconds)}{where}"
    if one.problem:
        return "spoilt", one.problem
    if one.record:
        return one.record["status"], " ".join(one.record.get("reason", "").split())
    return ("stopped", _last(one, log)) if log.exists() else ("waiting", "")


def _last(one: Held, log: Path) -> str:
    """The last line of a job's log that says how far it is."""
    said = log.read_text(errors="replace").splitlines() if log.exists() else []
    last = ([line for line in said if line != driver.FAREWELL] or ["starting"])[-1]
    if epoch := re.match(r"epoch (\d+): (.*)", last):
        last = f"epoch {int(epoch[1]) + 1} of {_epochs(one)}, {epoch[2]}"
    return last[:100]


def _epochs(one: Held) -> int:
    setting = one.job.setting
    return setting.budget.epochs if isinstance(one.job, Search) else setting.training.epochs


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
        where = "" if found.driver.here else f" ({found.driver.name})"
        said += (
            f"; snakemake{where} has been at work for {_time(found.driver.seconds)}, {side_by_side} jobs side by side"
        )
    if found.work is None:
        return f"{said}; nothing is done yet to estimate the rest from"
    if side_by_side:
        return f"{said}; about {_time(found.work / side_by_side)} left"
    return f"{said}; about {_time(found.work)} of work left, divided by the jobs that run side by side"
