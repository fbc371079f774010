"""Records appear in MLflow while the pipeline makes them: one process a driver, so that no job pays for MLflow.

The follower is a convenience. What it misses, because it was killed or the store was away, the end's `track` brings.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from harness.plan.config import Config
from harness.plan.jobs import record_path
from harness.records.belonging import held
from harness.tracking import sync as tracking
from harness.tracking.ledger import LEDGER
from harness.tracking.view import Drawings

PATIENT_SECONDS = 240  # the longest pause after errors of the store
FAREWELL_SECONDS = 60  # for the last import, when the driver ends; a kill later costs nothing but this pass


class Follower:
    """The driver's side: starts the process, and ends it."""

    def __init__(self, benchmark: list[str]) -> None:
        self.command = [sys.executable, "-m", "harness", "track", *benchmark, "--follow"]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """In a session of its own: Ctrl-C is for the jobs. It dies with its driver all the same (see
        harness.running.driver)."""
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, start_new_session=True)

    def stop(self, complete: bool) -> None:
        """`complete`: `track` has brought everything. Otherwise the follower may bring what is new."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(0 if complete else FAREWELL_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()


def follow(config: Config, drawings: Drawings, seconds: float) -> None:
    """Imports new records every so many seconds until SIGTERM, and then once more. Does nothing, not even load MLflow,
    as long as no record is new."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    of_driver = os.getpriority(os.PRIO_PROCESS, os.getppid())
    os.setpriority(os.PRIO_PROCESS, 0, of_driver + 10)  # jobs first

    def give_way(folder: str) -> None:
        """To `track`, which would wait for a process of low priority: ends as by a kill, and starts anew behind it."""
        shutil.rmtree(folder, ignore_errors=True)
        if ended.is_set():
            os._exit(0)
        os.execv(sys.executable, sys.orig_argv)

    shown: dict[Path, int] = {}
    seen, pause, warned = _times(config), seconds, False
    while True:
        last = ended.wait(pause)
        if (found := _times(config)) != seen:
            good = [one.path for one in held(config) if one.record and one.path in found]
            new = [path for path in good if shown.get(path) != found[path]]
            report = tracking.sync(
                new, None, drawings, config.title, good, quiet=warned, ledger=LEDGER, awaited=give_way
            )
            warned = warned or bool(report.error or report.skipped)
            if report.error:
                pause = min(2 * pause, PATIENT_SECONDS)
            else:
                seen, pause = found, seconds
                shown |= {path: found[path] for path in new}
        if last:
            return


def _times(config: Config) -> dict[Path, int]:
    """The records that are there, and when each was written."""
    times = {}
    for job in config.jobs:
        path = record_path(job)
        with suppress(OSError):
            times[path] = path.stat().st_mtime_ns
    return times
