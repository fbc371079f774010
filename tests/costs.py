"""What a command costs: CPU time, which says more than wall time on a machine that others use too, and memory."""

import os
import subprocess
from typing import NamedTuple


class Cost(NamedTuple):
    """`seconds` of CPU; `megabytes` (of a million bytes) at the peak, of one process."""

    seconds: float
    megabytes: float


def cost(command: list, **popen) -> Cost:
    """Of a command that succeeds, with the processes that it waits for."""
    process = subprocess.Popen(command, **popen)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    found = Cost(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6)
    print(f"{found.seconds:.1f} s of CPU, {found.megabytes:.0f} MB")
    return found
