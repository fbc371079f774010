"""Ctrl-C, SIGTERM or the end of a terminal end snakemake within seconds.

Snakemake itself waits for the running jobs, which may take a day. Here nothing is lost but an unfinished epoch: jobs
keep checkpoints and follow their driver, and the locks and half outputs that stay are known to the next start."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

from harness.running.driver import leave

SENTENCE = "stopped; the same command goes on"
CANCEL_SECONDS = 10  # for the cluster to take its jobs back; later they end by themselves
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def stop_on_signals(workflow: Any, end: Callable[[], None], hush: Callable[[], None] | None = None) -> None:
    """From now on, in snakemake's process. `end`: what is done last; after `hush` nothing else prints. A signal that is
    ignored, as nohup wants it, stays so."""

    def stop(number: int, frame: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        if hush:
            hush()
        os.write(2, f"\n{SENTENCE}\n".encode())  # past Python's buffer, which may be in use
        canceller = threading.Thread(target=_cancel, args=(workflow,), daemon=True)
        canceller.start()
        canceller.join(CANCEL_SECONDS)
        end()
        leave(128 + number)

    for each in SIGNALS:
        if signal.getsignal(each) != signal.SIG_IGN:
            signal.signal(each, stop)


def _cancel(workflow: Any) -> None:
    """Takes back the jobs that were given to a cluster."""
    executor: Any = getattr(workflow.scheduler, "_executor", None)
    if hasattr(executor, "cancel_jobs"):
        with suppress(Exception):  # the jobs end by themselves all the same
            executor.cancel_jobs(list(executor.active_jobs))
