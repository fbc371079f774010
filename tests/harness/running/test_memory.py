"""A job's process keeps the memory that it frees."""

import ctypes
import subprocess
import sys

import pytest

PROGRAM = """
import resource, torch
from harness.running.inputs import device
if {kept}:
    device()
def pass_():
    for _ in range(10):
        torch.zeros(12_000_000).add_(1.0)  # 48 MB: more than glibc keeps by itself
pass_()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
pass_()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(kept):
    """Pages that the system hands out while 480 MB are taken and freed, after as many before."""
    command = [sys.executable, "-c", PROGRAM.format(kept=kept)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallopt"), reason="glibc's malloc is not here"
)
def test_freed_memory_is_used_again():
    assert faults(kept=False) > 100 > faults(kept=True)  # a page may have 2 MB: then 240 to begin with
