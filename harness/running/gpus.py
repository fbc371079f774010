"""Which GPU a batch computes on, where a machine has several and nobody has given it one.

Snakemake counts how many batches run at a time (`--resources gpu=N`), and does not say where. Here each takes the GPU
on which the fewest run, so N batches on 2 GPUs are N / 2 on each. A cluster that gives a job its GPU does so by
CUDA_VISIBLE_DEVICES, which is respected."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import BaseFileLock

GIVEN = "CUDA_VISIBLE_DEVICES"
DEVICES = Path("/proc/driver/nvidia/gpus")
"""A folder with an entry per GPU: looking there costs nothing, and loads no driver into this process."""


def take(folder: Path = Path("work/gpus"), devices: Path = DEVICES) -> BaseFileLock | None:
    """Gives this process and its forks one of several GPUs, to be called before torch is loaded. The place there is a
    locked file, which is free again when they have ended, however they ended. None where there is nothing to choose."""
    found = len(list(devices.iterdir())) if devices.is_dir() else 0
    if found < 2 or GIVEN in os.environ:
        return None
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    place, device = 0, 0
    while True:
        lock = FileLock(folder / f"{socket.gethostname()}-{device}-{place}.lock")
        with suppress(Timeout):
            lock.acquire(timeout=0)
            os.environ[GIVEN] = str(device)
            return lock
        place, device = (place, device + 1) if device + 1 < found else (place + 1, 0)
