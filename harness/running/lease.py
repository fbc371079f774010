"""Leases: which process works on something, also on the other hosts that share the folder.

A lease is a small file that its holder writes again every few seconds with a counter. On one host a process is there or
it is not; of a holder on another host only the counter tells, and whoever reads it waits whether it moves. Clocks are
not compared: those of two hosts may differ by minutes. The next holder makes the file of the next number, which the
file system allows once; the one before finds it and ends.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

BEAT_SECONDS = float(os.environ.get("HARNESS_BEAT_SECONDS", 5))
STALE_BEATS = 6
"""A counter that stands still for so many beats belongs to a process that is gone."""
SUFFIX = ".lease"
POLL_SECONDS = 0.2
LOST = "another job has taken this run over: the job ends"


@cache
def place() -> str:
    """This machine as processes see it: its name, its start and its space of process ids. Two containers of one machine
    are two places."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        processes = os.readlink("/proc/self/ns/pid")
    except OSError:  # not Linux
        import psutil

        boot, processes = f"{psutil.boot_time():.0f}", ""
    return f"{socket.gethostname()}:{boot}/{processes}"


class Holder(NamedTuple):
    """What a lease says of the process that holds it. `began` and `now`: seconds since 1970 by the holder's clock."""

    place: str
    process: int
    started: float
    began: float
    now: float
    beat: int
    cluster_job: str = ""

    @property
    def host(self) -> str:
        return self.place.partition(":")[0]

    @property
    def here(self) -> bool:
        return self.place == place()

    @property
    def seconds(self) -> float:
        """Since it began, by one clock."""
        return (time.time() if self.here else self.now) - self.began

    @property
    def lives(self) -> bool:
        """Of a holder of this place: whether its process is there."""
        import psutil

        with suppress(psutil.Error):
            process = psutil.Process(self.process)
            return process.create_time() == self.started and process.status() != psutil.STATUS_ZOMBIE
        return False

    @property
    def name(self) -> str:
        """For people: "process 123 on node7, job 45 of the cluster"."""
        said = f"process {self.process} on {self.host}"
        return f"{said}, job {self.cluster_job} of the cluster" if self.cluster_job else said


class Lease:
    """The lease of what `path` names. Each holder's file is `path` with a number, `search-0.3.lease`; `own`: that of
    this process, once it has taken the lease."""

    def __init__(self, path: Path):
        self._path = path
        self.own: Path | None = None
        self._holder: Holder
        self._ended = threading.Event()

    def holder(self) -> Holder | None:
        """Who holds it, as far as its file says; None where nobody has taken it."""
        number = self._last()
        return None if number is None else read(self._file(number))

    def living(self) -> Holder | None:
        """Who holds it and lives."""
        return _living(lambda: {"": found} if (found := self.holder()) else {}).get("")

    def take(self, wait: Callable[[], Any] = lambda: None, lost: Callable[[], Any] = lambda: None) -> None:
        """Returns when this process holds the lease: at once where nobody lives that does, else when that one is gone.
        Calls `wait` meanwhile, which may raise. `lost` is called, in another thread, where somebody else has taken
        it."""
        watch = Watch()
        while True:
            number = self._last()
            if number is None or not watch.lives(self.holder()):
                if self._make(0 if number is None else number + 1):
                    break
            else:
                wait()
                time.sleep(POLL_SECONDS)
        threading.Thread(target=self._keep, args=(lost,), daemon=True).start()

    def release(self) -> None:
        self._ended.set()
        if self.own:
            self.own.unlink(missing_ok=True)

    def _make(self, number: int) -> bool:
        """Whether this process has made the file of a number, which only one can."""
        own = self._file(number)
        own.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.close(os.open(own, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        except FileExistsError:
            return False
        self.own, self._holder = own, _self()
        self._write(self._holder)
        for older in range(number):
            self._file(older).unlink(missing_ok=True)
        return True

    def _keep(self, lost: Callable[[], Any]) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            with suppress(OSError):  # a full disk, or a file server that is away for a moment
                if self.own and (self._last() or 0) > (self._number(self.own.name) or 0):
                    lost()
                    return
                self._holder = self._holder._replace(beat=self._holder.beat + 1, now=time.time())
                if not self._ended.is_set():
                    self._write(self._holder)

    def _write(self, holder: Holder) -> None:
        """In place: a beat is one small write, and who reads half of it reads again. Never makes a file."""
        assert self.own
        with open(self.own, "r+", encoding="utf-8") as file:
            file.write(json.dumps(holder._asdict()).ljust(400) + "\n")

    def _last(self) -> int | None:
        """The highest number, which holds the lease; None where there is none."""
        names = os.listdir(self._path.parent) if self._path.parent.is_dir() else []
        numbers = [number for name in names if (number := self._number(name)) is not None]
        return max(numbers, default=None)

    def _number(self, name: str) -> int | None:
        stem, _, digits = name.removesuffix(SUFFIX).rpartition(".")
        return int(digits) if stem == self._path.name and name.endswith(SUFFIX) and digits.isdigit() else None

    def _file(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}{SUFFIX}")


class Watch:
    """Whether the holder of one lease lives, asked again and again."""

    def __init__(self) -> None:
        self._seen: Holder | None = None
        self._since = time.monotonic()

    def lives(self, holder: Holder | None) -> bool:
        """`holder`: as its file says now; None where the file says nothing yet. What this process held before does not
        live."""
        if holder and holder.here:
            return holder.lives and holder.process != os.getpid()
        if holder != self._seen:
            self._seen, self._since = holder, time.monotonic()
        return time.monotonic() - self._since < STALE_BEATS * BEAT_SECONDS


def living(folder: Path) -> dict[str, Holder]:
    """The leases below a folder whose holders live, by what they name: paths from the folder."""
    return _living(lambda: _newest(folder))


def _living(look: Callable[[], dict[str, Holder]]) -> dict[str, Holder]:
    """Of what `look` finds, what lives. Where holders of other hosts are among them, this takes one beat and a half, to
    see which of them move."""
    found = look()
    alive = {name: holder for name, holder in found.items() if holder.here and holder.lives}
    elsewhere = {name: holder for name, holder in found.items() if not holder.here}
    if elsewhere:
        time.sleep(1.5 * BEAT_SECONDS)
        again = look()
        alive |= {name: again[name] for name, holder in elsewhere.items() if again.get(name, holder) != holder}
    return alive


def _newest(folder: Path) -> dict[str, Holder]:
    files: dict[str, tuple[int, Path]] = {}
    for file in folder.rglob(f"*{SUFFIX}"):
        name, _, number = str(file.relative_to(folder)).removesuffix(SUFFIX).rpartition(".")
        files[name] = max(files.get(name, (-1, file)), (int(number), file))
    return {name: holder for name, (_, file) in files.items() if (holder := read(file))}


def read(file: Path) -> Holder | None:
    """What a lease's file says; None where it is not whole."""
    with suppress(OSError, ValueError, TypeError):
        return Holder(**json.loads(file.read_text(encoding="utf-8")))
    return None


def _self() -> Holder:
    import psutil

    now = time.time()
    cluster_job = os.environ.get("SLURM_JOB_ID", "")
    return Holder(place(), os.getpid(), psutil.Process().create_time(), now, now, 0, cluster_job)
