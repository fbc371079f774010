"""Processes are killed for real, and the plain command goes on: a short form of torture.py."""

import os
import signal
import subprocess
import sys
import time

import pytest

from harness.plan import registry
from harness.running import driver as driving
from tests.faults import torture
from tests.faults.torture import ONE_METHOD

pytestmark = [pytest.mark.pipeline, pytest.mark.slow]  # minutes: tests/harness/running/test_batch.py has the short form


def test_the_same_bytes_after_kills_on_one_core_in_another_folder(unbroken, tmp_path, monkeypatch):
    """And in another time zone and language, with other hashes of texts."""
    for name, value in {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7"}.items():
        monkeypatch.setenv(name, value)
    folder = torture.folder_for(tmp_path.resolve() / "run", ONE_METHOD)
    trial = torture.Trial(folder, seed=1, drivers=2, kills=3, seconds=2, cores=1)
    trial.run()
    assert trial.delivered["driver"] + trial.delivered["job"] >= 3
    assert torture.results(folder) == torture.results(unbroken)


def test_the_same_bytes_after_other_signals(unbroken, tmp_path):
    """Ctrl-C, which a terminal sends to all; the end of a session; a polite kill."""
    folder = torture.folder_for(tmp_path.resolve() / "run", ONE_METHOD)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        driver = torture.start(folder)
        started(folder)
        time.sleep(1)
        running = list(torture.jobs(folder))
        (os.kill if number == signal.SIGTERM else os.killpg)(driver.pid, number)
        assert driver.wait(60) != 0
        deadline = time.monotonic() + torture.ORPHANS_SECONDS
        while any(driving.lives(process) for process, _ in running):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert torture.start(folder).wait() == 0
    assert torture.results(folder) == torture.results(unbroken)


def started(folder):
    """The jobs that run, as soon as some do."""
    deadline = time.monotonic() + 60
    while not (running := list(torture.jobs(folder))) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert running
    return running


def test_a_second_driver_is_refused_and_the_first_goes_on(tmp_path):
    folder = torture.folder_for(tmp_path.resolve() / "run", ONE_METHOD)
    first = torture.start(folder)
    started(folder)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "all", "--configfile", "benchmark.yaml"]
    environment = {**os.environ, "PYTHONPATH": str(registry.ROOT)}
    second = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert second.returncode == 1
    assert f"at work in this folder already, process {first.pid}" in second.stderr
    dry = subprocess.run([*command, "-n", "--quiet"], cwd=folder, env=environment, capture_output=True, text=True)
    assert dry.returncode == 0
    assert first.poll() is None
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()


def test_a_dry_run_does_not_keep_a_driver_out(tmp_path, monkeypatch):
    """It holds the lock for a moment; the driver that started in this moment waits for it before its first job."""
    other = (
        "import sys, time; from pathlib import Path; from harness.running.driver import Driver\n"
        "held = Driver(Path(sys.argv[1])); print('held', flush=True); time.sleep(2)"
    )
    environment = {**os.environ, "PYTHONPATH": str(registry.ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", other, str(tmp_path)], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks/0.input.lock").touch()
    monkeypatch.setenv(driving.VARIABLE, "")  # put back at the end
    driver = driving.Driver(tmp_path)
    assert driver.holder() == f"process {process.pid}"
    assert (tmp_path / "locks/0.input.lock").exists()  # somebody lives: not ours to remove
    driver.start()
    assert driver.holder() == f"process {os.getpid()}"
    driver.end()
    process.wait()


def test_a_stale_lock_is_removed(tmp_path, monkeypatch):
    monkeypatch.setenv(driving.VARIABLE, "")  # put back at the end
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks/0.output.lock").touch()
    driving.Driver(tmp_path)
    assert not list((tmp_path / "locks").iterdir())
