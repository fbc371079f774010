"""Leases: one process at a time, on whatever host, whatever the clocks there say."""

import json
import multiprocessing
import os
import subprocess
import sys
import time

import pytest

from harness.plan import registry
from harness.running import driver, lease
from harness.running.lease import Lease
from tests.tracked import wait_until

BEAT = 0.1
ELSEWHERE = "node7:another start/pid:[1]"
HOLD = """
import sys, time
from pathlib import Path
from harness.running import lease
lease.BEAT_SECONDS = {beat}
if sys.argv[2:]:
    lease.place = lambda: sys.argv[2]
    clock = time.time
    lease.time.time = lambda: clock() - 600  # this host is ten minutes behind
lease.Lease(Path(sys.argv[1])).take(lost=lambda: print("lost", flush=True))
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setattr(lease, "BEAT_SECONDS", BEAT)
    monkeypatch.setattr(driver, "BEAT_SECONDS", BEAT)


class Holding:
    """A process that holds a lease, here or, as far as it says, elsewhere."""

    def __init__(self, path, *place):
        command = [sys.executable, "-c", HOLD.format(beat=BEAT), str(path), *place]
        environment = {**os.environ, "PYTHONPATH": str(registry.ROOT)}
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "held\n"

    def kill(self):
        self.process.kill()
        self.process.wait()


class Asked(Exception):
    pass


def refuse():
    raise Asked


def test_a_holder_of_this_host_is_waited_for_and_followed_at_once(tmp_path):
    holding = Holding(tmp_path / "search-0")
    with pytest.raises(Asked):
        Lease(tmp_path / "search-0").take(refuse)
    assert lease.living(tmp_path).keys() == {"search-0"}
    holding.kill()
    assert lease.living(tmp_path) == {}
    ours = Lease(tmp_path / "search-0")
    ours.take(refuse)  # does not ask: nobody has to wait
    assert ours.holder().process == os.getpid()
    ours.release()
    assert not list(tmp_path.iterdir())


def test_of_another_host_the_counter_decides_and_not_the_clock(tmp_path):
    """Its clock is ten minutes behind, and its process id may be anything here."""
    holding = Holding(tmp_path / "search-0", ELSEWHERE)
    asked = []

    def wait():
        asked.append(time.monotonic())
        if len(asked) == 10:  # 2 seconds, three times what makes a lease stale
            holding.kill()

    began = time.monotonic()
    ours = Lease(tmp_path / "search-0")
    ours.take(wait)
    assert len(asked) >= 10
    assert time.monotonic() - asked[9] > (lease.STALE_BEATS - 2) * BEAT
    assert time.monotonic() - began < 60
    assert ours.holder().here
    ours.release()


def test_living_leases_of_another_host_move(tmp_path):
    holding = Holding(tmp_path / "a/search-0", ELSEWHERE)
    wait_until(lambda: "a/search-0" in lease.living(tmp_path), 30)
    found = lease.living(tmp_path)["a/search-0"]
    assert found.host == "node7" and not found.here and found.seconds < 60
    holding.kill()
    wait_until(lambda: lease.living(tmp_path) == {}, 30)


def test_a_holder_that_was_taken_over_is_told(tmp_path):
    """As one whose machine slept."""
    holding = Holding(tmp_path / "search-0", ELSEWHERE)
    (tmp_path / "search-0.1.lease").write_text(json.dumps({}))
    assert holding.process.stdout.readline() == "lost\n"
    holding.kill()


def _take_turns(path, place, shared, wrong):
    lease.BEAT_SECONDS, lease.POLL_SECONDS, lease.place = BEAT, 0.01, lambda: place
    for _ in range(4):
        ours = Lease(path)
        ours.take()
        with shared.get_lock():
            shared.value += 1
            wrong.value += shared.value != 1
        time.sleep(0.02)
        with shared.get_lock():
            shared.value -= 1
        ours.release()


def test_only_one_process_holds_it_at_a_time(tmp_path):
    """Eight, of as many hosts, that all find one stale lease, take it over, give it back and take it again."""
    Holding(tmp_path / "search-0", ELSEWHERE).kill()
    fork = multiprocessing.get_context("fork")
    shared, wrong = fork.Value("i", 0), fork.Value("i", 0)
    words = [(tmp_path / "search-0", f"host{i}:x/y", shared, wrong) for i in range(8)]
    processes = [fork.Process(target=_take_turns, args=each) for each in words]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    assert wrong.value == 0 and not list(tmp_path.iterdir())


@pytest.fixture
def follows(tmp_path, monkeypatch):
    """A job on another host than its driver, process 5 there: its function that says whether that one is alive."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(driver.VARIABLE, f"5@{ELSEWHERE}")
    return driver.watch()


def beat(tmp_path, number, process=5):
    (tmp_path / ".snakemake").mkdir(exist_ok=True)
    said = {"place": ELSEWHERE, "process": process, "started": 1.0, "began": 1.0, "now": 1.0, "beat": number}
    (tmp_path / ".snakemake/driver.0.lease").write_text(json.dumps(said))


def test_a_job_follows_its_driver_on_another_host(follows, tmp_path):
    """Seen before: it took its number for a process of its own host, where there was none, and ended itself."""
    for number in range(10):
        beat(tmp_path, number)
        assert follows()
        time.sleep(BEAT)
    wait_until(lambda: not follows(), 5)


def test_a_job_ends_when_another_driver_has_begun(follows, tmp_path):
    beat(tmp_path, 0)
    assert follows()
    beat(tmp_path, 0, process=6)
    wait_until(lambda: not follows(), lease.STALE_BEATS * BEAT / 2)


def test_a_job_that_shares_no_folder_with_its_driver_goes_on(follows):
    deadline = time.monotonic() + 3 * lease.STALE_BEATS * BEAT
    while time.monotonic() < deadline:
        assert follows()
        time.sleep(BEAT)


def test_a_driver_on_another_host_keeps_a_second_one_out(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(driver.VARIABLE, "")  # put back at the end
    folder = tmp_path / ".snakemake"
    holding = Holding(folder / "driver", ELSEWHERE)
    (folder / "locks").mkdir()
    (folder / "locks/0.input.lock").touch()
    second = driver.Driver(folder)
    assert f"process {holding.process.pid} on node7" in capsys.readouterr().err
    assert (folder / "locks/0.input.lock").exists()  # somebody lives: not ours to remove
    with pytest.raises(driver.UserError, match=f"process {holding.process.pid} on node7 runs this benchmark already"):
        second.start()
    holding.kill()
    second.start()
    assert driver.at_work(folder).here and "snakemake" not in capsys.readouterr().err
    second.end()
    assert driver.at_work(folder) is None
