"""One driver per folder at a time, and no job outlives its driver. The driver is the snakemake process.

A driver holds a lock of the operating system, which ends with it however it ends. So Snakemake's own lock, which stays
behind when snakemake is killed, can be told from one that is in use; and a job whose driver has died exits too, before
the next driver starts the same job again.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from spaces.base import UserError

if TYPE_CHECKING:
    import psutil

VARIABLE = "HARNESS_DRIVER"  # the driver's process id, for its jobs
POLL_SECONDS = 0.5
ORPHANED = 75  # exit status of a job that lost its driver
FAREWELL = "the snakemake that started this job has died: the job ends"
DRY_RUN_SECONDS = 15  # no dry run, which holds the lock too, takes longer
Alive = Callable[[], bool]


class Driver:
    """The right to run jobs in the folder of `.snakemake`, for as long as this process lives."""

    def __init__(self, folder: Path):
        from filelock import FileLock  # here: each command imports this module, and few need a lock

        folder.mkdir(exist_ok=True)
        self._lock = FileLock(folder / "driver.lock")
        self._holder = folder / "driver.pid"
        if self._acquire(0):
            for stale in (folder / "locks").glob("*.lock"):  # the process that made it is dead
                stale.unlink(missing_ok=True)
        else:  # a dry run may go on; snakemake refuses the rest
            print(f"note: snakemake is at work in this folder already, process {self.holder()}", file=sys.stderr)

    def holder(self) -> str:
        """Process id of the holder of the lock."""
        return self._holder.read_text().strip() if self._holder.exists() else "unknown"

    def start(self) -> None:
        """Before the first job: makes sure of the lock, which a dry run may have held a moment ago."""
        if not self._acquire(DRY_RUN_SECONDS):
            raise UserError(f"process {self.holder()} runs this benchmark already, in this folder: wait, or stop it")
        os.environ[VARIABLE] = str(os.getpid())

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


def started(folder: Path) -> float | None:
    """When the driver that works in the folder of `.snakemake` started, in seconds since 1970; None where there is
    none."""
    import psutil

    try:
        driver = psutil.Process(int((folder / "driver.pid").read_text()))
        if "snakemake" in " ".join(driver.cmdline()) and Path(driver.cwd()) == folder.parent.absolute():
            return driver.create_time()
    except (OSError, ValueError, psutil.Error):
        pass
    return None


def watch() -> Alive:
    """In a job: a function that says whether its driver is alive. Without a driver, by hand, it always is."""
    if VARIABLE not in os.environ:
        return lambda: True
    import psutil

    try:
        process = psutil.Process(int(os.environ[VARIABLE]))
    except psutil.NoSuchProcess:
        return lambda: False
    return lambda: lives(process)


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
