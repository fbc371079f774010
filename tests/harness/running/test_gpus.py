"""Batches on the GPUs of one machine: real processes, and a folder in the place of the driver's."""

import subprocess
import sys

import pytest

from harness.plan import registry
from harness.running import gpus

CODE = """
import os, pathlib, sys
from harness.running import gpus
lock = gpus.take(pathlib.Path("gpus"), pathlib.Path("devices"))
print(os.environ.get(gpus.GIVEN), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def start(tmp_path, monkeypatch):
    monkeypatch.delenv(gpus.GIVEN, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(registry.ROOT))
    running = []

    def start(devices):
        for i in range(devices):
            (tmp_path / f"devices/{i}").mkdir(parents=True, exist_ok=True)
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        running.append(subprocess.Popen([sys.executable, "-c", CODE], cwd=tmp_path, **pipes))
        return running[-1], running[-1].stdout.readline().strip()

    yield start
    for process in running:
        process.kill()
        process.wait()


def test_each_batch_takes_the_gpu_with_the_fewest(start):
    assert [start(2)[1] for _ in range(5)] == ["0", "1", "0", "1", "0"]


def test_the_place_of_a_killed_batch_is_free_again(start):
    first, _ = start(3)
    assert [start(3)[1] for _ in range(2)] == ["1", "2"]
    first.kill()
    first.wait()
    assert start(3)[1] == "0"


@pytest.mark.parametrize("devices", [0, 1])
def test_there_is_nothing_to_choose(start, devices):
    assert start(devices)[1] == "None"


def test_what_a_cluster_has_given_is_kept(start, monkeypatch):
    monkeypatch.setenv(gpus.GIVEN, "3")
    assert start(2)[1] == "3"
