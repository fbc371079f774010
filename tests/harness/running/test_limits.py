"""A job that takes too long, or more memory than there is, ends with a record that says so."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness import records
from harness.plan import registry


def test_a_method_that_hangs_has_a_time_limit(data, tmp_path):
    """In a process of its own, which ends; the hang is in C, where no exception of Python's arrives."""
    code = f"""
import ctypes, dataclasses
from pathlib import Path
from harness.running.job import JobPaths, search
from harness.plan import registry
from harness.plan.jobs import Search
from methods.base import Method
@dataclasses.dataclass(frozen=True)
class Hangs(Method):
    def search(self, run):
        ctypes.CDLL(None).sleep(60)
registry.method = lambda name, **fields: Hangs()
search(Search("smoke", "digits", "darts", "random_sampling", 0),
            JobPaths(Path({str(data)!r}), Path("record.json"), Path("work")), hours=1 / 3600)
"""
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(registry.ROOT)})
    assert done.returncode == 0
    assert time.monotonic() - started < 30
    record = records.read(tmp_path / "record.json")
    assert (record["status"], record["reason"]) == ("timeout", "not finished after 0.000277778 hours")


GREEDY = """
import dataclasses, os, sys
from pathlib import Path
from harness.running.job import JobPaths, search
from harness.plan import registry
from harness.plan.jobs import Search
from methods.base import Method
@dataclasses.dataclass(frozen=True)
class Greedy(Method):
    def search(self, run):
        if sys.argv[2] == "killed":
            os.kill(os.getpid(), 9)
        while True:
            kept.append(bytearray(1 << 20))
kept = []
registry.method = lambda name, **fields: Greedy()
Path("/sys/fs/cgroup/memory/nas-test/cgroup.procs").write_text(str(os.getpid()))
job = Search("smoke", "digits", "darts", "random_sampling", 0)
search(job, JobPaths(Path(sys.argv[1]), Path("record.json"), Path("work")))
"""


@pytest.fixture
def little_memory():
    """A control group of 100 MB."""
    group = Path("/sys/fs/cgroup/memory/nas-test")
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text("100000000")
    except OSError:
        pytest.skip("no control group can be made here: needs root and the first version of control groups")
    yield
    group.rmdir()


def test_what_the_kernel_kills_twice_for_want_of_memory_is_a_record(data, tmp_path, little_memory):
    """Another kill is no reason to give up: the count begins anew."""

    def attempt(how):
        environment = {"PYTHONPATH": str(registry.ROOT)}
        return subprocess.run([sys.executable, "-c", GREEDY, str(data), how], cwd=tmp_path, env=environment).returncode

    for how in ("greedy", "killed", "greedy", "greedy"):
        assert attempt(how) == -signal.SIGKILL
        assert not (tmp_path / "record.json").exists()
    assert attempt("greedy") == 0
    record = records.read(tmp_path / "record.json")
    assert (record["status"], record["reason"]) == ("oom", "the kernel killed it 2 times for want of memory")
    assert not list((tmp_path / "work").rglob("*.attempt"))
