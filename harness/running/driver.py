"""One driver per folder at a time, and no job outlives its driver. The driver is the snakemake process.

A driver holds a lock of the operating system, which ends with it however it ends. So Snakemake's own lock, which stays
behind when snakemake is killed, can be told from one that is in use; and a job whose driver has died exits too, before
the next driver starts the same job again. Of other hosts neither locks nor process ids tell anything: there the
driver's lease does (harness/running/lease.py). Jobs that share no folder with their driver do not follow it: whatever
started them ends them.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from harness.running.lease import BEAT_SECONDS, Holder, Lease, Watch, place
from spaces.base import UserError

if TYPE_CHECKING:
    import psutil

VARIABLE = "HARNESS_DRIVER"  # the driver's process id and its place, for its jobs: "123@node7:…"
FOLDER = Path(".snakemake")  # of the driver's locks; below the working folder, which its jobs share
POLL_SECONDS = 0.5
ORPHANED = 75  # exit status of a job that lost its driver
FAREWELL = "the snakemake that started this job has died: the job ends"
DRY_RUN_SECONDS = 15  # no dry run, which holds the lock too, takes longer
Alive = Callable[[], bool]


class Driver:
    """The right to run jobs in the folder of `.snakemake`, for as long as this process lives."""

    def __init__(self, folder: Path = FOLDER):
        from filelock import FileLock  # here: each command imports this module, and few need a lock

        folder.mkdir(exist_ok=True)
        self._lock = FileLock(folder / "driver.lock")
        self._lease = Lease(folder / "driver")
        self._holder = folder / "driver.pid"
        os.environ[VARIABLE] = f"{os.getpid()}@{place()}"
        if self._acquire(0) and not self._elsewhere():
            for stale in (folder / "locks").glob("*.lock"):  # the process that made it is dead
                stale.unlink(missing_ok=True)
            self._take()  # now: jobs that it left must end before what they make is looked at
        else:  # a dry run may go on; snakemake refuses the rest
            print(f"note: snakemake is at work in this folder already, {self.holder()}", file=sys.stderr)

    def holder(self) -> str:
        """The process that has the right now, in words."""
        lease = self._lease.holder()
        if lease and not lease.here:
            return lease.name
        return f"process {self._holder.read_text().strip() if self._holder.exists() else 'unknown'}"

    def start(self) -> None:
        """Before the first job: makes sure of the lock, which a dry run may have held a moment ago."""
        if not self._acquire(DRY_RUN_SECONDS) or self._elsewhere():
            raise UserError(f"{self.holder()} runs this benchmark already, in this folder: wait, or stop it")
        self._take()

    def end(self) -> None:
        """After the last job: those that are left on other hosts end."""
        self._lease.release()

    def _take(self) -> None:
        if not self._lease.own:
            self._lease.take()
            atexit.register(self._lease.release)

    def _elsewhere(self) -> bool:
        """Whether a driver on another host is at work; one that died there is waited for until its lease is stale."""
        watch, first = Watch(), self._lease.holder()
        while (now := self._lease.holder()) and not now.here and now == first and watch.lives(now):
            time.sleep(BEAT_SECONDS / 5)
        return bool(now and not now.here and now != first)

    def _acquire(self, seconds: float) -> bool:
        if self._lock.is_locked:
            return True
        from filelock import Timeout

        try:
            self._lock.acquire(timeout=seconds)
        except Timeout:
            return False
        self._holder.write_text(f"{os.getpid()}\n")
        return True


def at_work(folder: Path = FOLDER) -> Holder | None:
    """The driver that works in the folder of `.snakemake`, from its first job to its last; None where there is none."""
    return Lease(folder / "driver").living()


def watch() -> Alive:
    """In a job: a function that says whether its driver is alive. Without a driver, by hand, it always is."""
    number, _, where = os.environ.get(VARIABLE, "").partition("@")
    if not number:
        return lambda: True
    if where not in ("", place()):
        return Distant(number, where).lives
    import psutil

    try:
        process = psutil.Process(int(number))
    except psutil.NoSuchProcess:
        return lambda: False
    return lambda: lives(process)


class Distant:
    """A driver on another host, by its lease. Where there never was one, no folder is shared: the driver counts as
    alive."""

    def __init__(self, number: str, where: str):
        self._name = int(number), where
        self._lease, self._watch, self._shared, self._looked = Lease(FOLDER / "driver"), Watch(), False, 0.0
        self._alive = True

    def lives(self) -> bool:
        """Looks once a beat: a thousand jobs ask."""
        if time.monotonic() - self._looked > BEAT_SECONDS / 2:
            self._looked = time.monotonic()
            self._alive = self._look()
        return self._alive

    def _look(self) -> bool:
        found = self._lease.holder()
        self._shared = self._shared or found is not None
        if found and (found.process, found.place) != self._name:
            return False  # the next driver starts the same job again
        return not self._shared or self._watch.lives(found)


def lives(process: psutil.Process) -> bool:
    import psutil

    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def follow_driver() -> None:
    """In a job: exits within a second of its driver's death. Without a driver, by hand, nothing happens."""
    if VARIABLE in os.environ:
        follow(watch())


def follow(alive: Alive) -> None:
    """Exits this process soon after `alive` says no."""

    def wait() -> None:
        while alive():
            time.sleep(POLL_SECONDS)
        orphaned()

    threading.Thread(target=wait, daemon=True).start()


def orphaned() -> None:
    """Says that the driver has died, and exits."""
    print(FAREWELL, file=sys.stderr, flush=True)
    leave(ORPHANED)


def leave(status: int) -> None:
    """Ends this process at once, from any thread."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:  # also where the disk is full
        os._exit(status)
