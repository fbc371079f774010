"""Shows by replays that code which changed gives the same numbers, so that records made from earlier code stay valid.

A few finished jobs are done again under today's code, at least one search and one training of each space. Where each
result is equal to the byte, the records are declared valid under today's code (`harness.plan.rechecks`); where one
differs, nothing is declared.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from harness import records
from harness.plan import rechecks
from harness.plan.config import Config
from harness.plan.fingerprints import hash_of
from harness.plan.jobs import RANDOM, Search, data_folder, record_path
from harness.records.belonging import Held, held
from harness.running.job import JobPaths, search, train
from spaces.base import UserError

RESULT = ("status", "arch", "result", "curves")
"""The fields of a record that a replay must reproduce."""


class Replay(NamedTuple):
    """A job that was done again. `differing`: the fields that did not come out the same."""

    name: str
    differing: tuple[str, ...]


def recheck(config: Config, most: int) -> Iterator[Replay]:
    """Replays about `most` of the records that only other code separates from today's benchmark, more where the spaces
    ask for more, and declares all of them valid if every replay is equal. UserError where there are none."""
    stale = [one for one in held(config) if one.stale]
    replays = []
    for one in chosen(stale, most):
        replays.append(_replayed(one))
        yield replays[-1]
    if not any(replay.differing for replay in replays):
        _declare(config.protocol, stale, replays)


def chosen(stale: Iterable[Held], most: int) -> list[Held]:
    """The jobs to replay: one search (by a method, where there is one) and one training of each space, then one search
    of each method in each space, then others, `most` in all where that covers the spaces. In an order that today's code
    decides, so that nobody picks."""
    done = [one for one in stale if one.stale and one.stale["status"] == "done"]
    if not done:
        raise UserError(
            "nothing to recheck: no finished record of this benchmark was made from other code than today's"
        )
    shuffled = sorted(done, key=lambda one: one.job.name)
    random.Random(hash_of([one.job.modules() for one in shuffled])).shuffle(shuffled)
    shuffled.sort(key=lambda one: one.job.key["method"] == RANDOM)
    first: dict[tuple[str, ...], Held] = {}
    for one in shuffled:
        first.setdefault(_kind(one), one)
    needed = list(first.values())
    others = [one for one in shuffled if one not in needed]
    others.sort(key=lambda one: any(_pair(one) == _pair(other) for other in needed))
    return needed + others[: max(0, most - len(needed))]


def _kind(one: Held) -> tuple[str, ...]:
    return "search" if isinstance(one.job, Search) else "train", one.job.key["space"]


def _pair(one: Held) -> tuple[str, ...]:
    return (*_kind(one), one.job.key["method"] if isinstance(one.job, Search) else "")


def _replayed(one: Held) -> Replay:
    """Runs a job again in a folder of its own, and compares."""
    assert one.stale
    data = data_folder(one.job.key["dataset"], one.job.setting.image)
    with tempfile.TemporaryDirectory(prefix="recheck-") as folder:
        paths = JobPaths(data, Path(folder, "record.json"), Path(folder))
        if isinstance(one.job, Search):
            again = search(one.job, paths)
        else:
            again = train(one.job, records.read(record_path(one.job.search)), paths)
    differing = (name for name in RESULT if hash_of(again.get(name)) != hash_of(one.stale.get(name)))
    return Replay(one.job.name, tuple(differing))


def _declare(protocol: str, stale: list[Held], replays: list[Replay]) -> None:
    same: dict[str, str] = {}
    for one in stale:
        assert one.stale
        today, then = hash_of(one.job.modules()), one.stale["config"]["code"]
        if same.setdefault(today, then) != then:
            raise UserError(
                f"record {one.path} and others of its space were made from two states of the code:"
                " delete the older ones"
            )
    entry = {
        "same": same,
        "modules": sorted({name for one in stale for name in one.modules}),
        "replays": [replay.name for replay in replays],
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": records.commit(),
        "machine": records.machine(),
    }
    path = rechecks.path(protocol)
    records.write_atomically(path, rechecks.content([*rechecks.read(path), entry]))
