"""One driver a folder, and no job outlives its driver. The driver is the snakemake process.

A driver holds an operating system's lock, which ends with it however it ends. So Snakemake's own lock, which stays
behind when snakemake is killed, can be told from one that is in use; and a job whose driver has died ends too, before
the next driver starts the same job again.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from harness.running.preloaded import leave
from spaces.base import UserError

if TYPE_CHECKING:
    import psutil

VARIABLE = "HARNESS_DRIVER"  # the driver's process id, for its jobs
POLL_SECONDS = 0.5
ORPHANED = 75  # exit status of a job that lost its driver
FAREWELL = "the snakemake that started this job has died: the job ends"
DRY_RUN_SECONDS = 15  # no dry run, which holds the lock too, takes longer


class Driver:
    """The right to run jobs in the folder of `.snakemake`, for as long as this process lives."""

    def __init__(self, folder: Path):
        from filelock import FileLock  # here, because every command loads this module: 40 ms

        folder.mkdir(exist_ok=True)
        self._lock = FileLock(folder / "driver.lock")
        self._holder = folder / "driver.pid"
        if self._acquire(0):
            for stale in (folder / "locks").glob("*.lock"):  # whoever made it is dead
                stale.unlink(missing_ok=True)
        else:  # a dry run may go on; snakemake refuses the rest
            print(f"note: snakemake is at work in this folder already, process {self.holder()}", file=sys.stderr)

    def holder(self) -> str:
        """Process id of who holds the lock."""
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


def workers(folder: Path) -> tuple[float | None, dict[str, float]]:
    """When the driver that works in the folder of `.snakemake` began, None where there is none; and the outputs of its
    jobs that run on this machine, with the time when each began. Times in seconds since 1970."""
    import psutil

    holder, found = folder / "driver.pid", {}
    try:
        driver = psutil.Process(int(holder.read_text()))
        if "snakemake" not in " ".join(driver.cmdline()) or Path(driver.cwd()) != folder.parent.absolute():
            return None, {}
        for child in driver.children(recursive=True):
            with suppress(psutil.Error):
                words = child.cmdline()
                if "--out" in words[:-1]:
                    found[words[words.index("--out") + 1]] = child.create_time()
        return driver.create_time(), found
    except (OSError, ValueError, psutil.Error):
        return None, {}


def follow_driver() -> None:
    """In a job: ends this process within a second of its driver's death. Without a driver, by hand, nothing happens."""
    if VARIABLE in os.environ:
        threading.Thread(target=_follow, daemon=True).start()


def driver() -> psutil.Process | None:
    """The driver of this job; None where it has died."""
    import psutil

    try:
        return psutil.Process(int(os.environ[VARIABLE]))
    except psutil.NoSuchProcess:
        return None


def lives(process: psutil.Process | None) -> bool:
    import psutil

    with suppress(psutil.NoSuchProcess):
        return process is not None and process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _follow() -> None:
    process = driver()
    while lives(process):
        time.sleep(POLL_SECONDS)
    print(FAREWELL, file=sys.stderr, flush=True)
    leave(ORPHANED)
