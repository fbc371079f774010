"""Several runs in one job: the records of runs by themselves, and no process outlives another."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from harness import records
from harness.__main__ import main
from harness.plan import registry
from harness.running.driver import ORPHANED, VARIABLE, lives
from tests.faults import torture
from tests.tracked import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks of a process with torch: Linux only")

ONE = """\
protocol: {protocol}
datasets: [digits]
seeds: 1
random: 2
hours_a_job: {hours}
batch: 8
searches:
  - {{method: darts, space: darts{set}}}
"""
SEARCH, TRAIN = "digits/darts/darts/search-0", "digits/darts/darts/train-0-cells3-repeat0"
RANDOM = "digits/darts/random_sampling/search-0"
LONG = {"protocol": "laptop", "set": ", set: {order: 2}"}


def harness(folder, words, **environment):
    settings = {**os.environ, "PYTHONPATH": str(registry.ROOT), **environment}
    settings.pop(VARIABLE, None) if VARIABLE not in environment else None
    command = [sys.executable, "-m", "harness", *words.split()]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=folder, env=settings, text=True, **pipes)


def run(folder, words, **environment):
    process = harness(folder, f"run --config benchmark.yaml {words}", **environment)
    out, err = process.communicate()
    return process.returncode, out, err


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """With a small dataset, at the sizes of both protocols."""
    folder = tmp_path_factory.mktemp("prepared")
    with contextlib.chdir(folder):
        for image in (8, 12):
            assert main(["data", "--dataset", "digits", "--image", str(image)]) == 0
    return folder


@pytest.fixture
def folder(prepared, tmp_path):
    """A folder with its dataset; `write` makes its benchmark."""
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    write(tmp_path)
    return tmp_path


def write(folder, protocol="smoke", hours=24, set=""):
    (folder / "benchmark.yaml").write_text(ONE.format(protocol=protocol, hours=hours, set=set))


def record(folder, name, protocol="smoke"):
    return records.read(folder / f"results/{protocol}/records/{name}.json")


def test_a_batch_makes_the_records_that_single_runs_make(folder):
    code, out, err = run(folder, f"{SEARCH} {TRAIN} {RANDOM}")
    assert (code, err) == (0, "")
    assert [line.split(":")[0] for line in out.splitlines()] == [SEARCH, TRAIN, RANDOM]
    assert "epoch 0:" in (folder / f"work/logs/smoke/{TRAIN}.log").read_text()
    key = "--protocol smoke --dataset digits --space darts --method darts --seed 0 --work single"
    assert harness(folder, f"search {key} --out search.json").wait() == 0
    assert harness(folder, f"train {key} --search search.json --out train.json").wait() == 0
    for name, single in ((SEARCH, "search"), (TRAIN, "train")):
        ours, alone = record(folder, name), records.read(folder / f"{single}.json")
        assert ours.pop("measured")["peak_megabytes"] > 0 < alone.pop("measured")["seconds"]
        assert ours == alone


def test_what_is_finished_is_not_run_again(folder):
    assert run(folder, f"{SEARCH} {RANDOM}")[0] == 0
    before = (folder / f"results/smoke/records/{SEARCH}.json").read_bytes()
    (folder / f"results/smoke/records/{SEARCH}.json").unlink()
    (folder / f"work/logs/smoke/{SEARCH}.log").unlink()
    assert run(folder, f"{SEARCH} {RANDOM}")[0] == 0
    assert (folder / f"results/smoke/records/{SEARCH}.json").read_bytes() == before
    assert not (folder / f"work/logs/smoke/{SEARCH}.log").exists()  # nothing ran


def test_an_unknown_run_is_refused(folder):
    code, _, err = run(folder, SEARCH.replace("darts/search", "darst/search"))
    assert code == 2 and err.startswith("error: benchmark.yaml: unknown job") and SEARCH in err and err.count("\n") == 1


def test_a_training_without_its_search_is_one_line(folder):
    code, _, err = run(folder, TRAIN)
    assert code == 2 and "search-0.json cannot be read" in err and err.count("\n") == 1


def test_the_error_of_a_run_is_the_batchs(folder):
    (folder / "results").write_text("not a folder")
    code, out, err = run(folder, RANDOM)
    assert code == 2 and "cannot write" in err and err.count("\n") == 1


def test_a_time_limit_ends_a_run_and_not_its_batch(folder):
    write(folder, hours=0.0001, **LONG)
    code, _, err = run(folder, f"{SEARCH} {RANDOM}")
    assert (code, err) == (0, "")
    assert record(folder, SEARCH, "laptop")["status"] == "timeout"
    assert record(folder, RANDOM, "laptop")["status"] == "done"


def started(folder):
    """The process of the job that a batch is at, as the note of its attempt says."""
    found = []

    def look():
        found[:] = [process for process, _ in torture.jobs(folder)]
        return bool(found)

    wait_until(look, 240)
    return found[0]


def epoch(folder, number, protocol="laptop"):
    log = folder / f"work/logs/{protocol}/{SEARCH}.log"
    wait_until(lambda: log.exists() and f"epoch {number}:" in log.read_text(), 240)


def test_a_run_that_is_killed_goes_on(folder):
    """In the same batch, from its last whole epoch."""
    write(folder, **LONG)
    process = harness(folder, f"run --config benchmark.yaml {SEARCH}")
    first = started(folder)
    epoch(folder, 0)
    wait_until(lambda: any((folder / "work/digits").rglob("*.checkpoint")), 60)
    first.kill()
    wait_until(lambda: not lives(first), 5)
    second = started(folder)
    assert second.pid != first.pid
    log = folder / f"work/logs/laptop/{SEARCH}.log"
    wait_until(lambda: "epoch " in log.read_text() and "epoch 0:" not in log.read_text(), 240)
    process.kill()
    wait_until(lambda: not lives(second), 3)


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGKILL,
        signal.SIGTERM,
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
    ],
)
def test_a_run_ends_with_its_batch(folder, number):
    write(folder, **LONG)
    process = harness(folder, f"run --config benchmark.yaml {SEARCH}")
    child = started(folder)
    process.send_signal(number)
    process.communicate()
    assert process.returncode != 0
    wait_until(lambda: not lives(child), 3)
    assert not (folder / f"results/laptop/records/{SEARCH}.json").exists()


def test_a_batch_ends_with_its_driver(folder):
    write(folder, **LONG)
    driver = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = harness(folder, f"run --config benchmark.yaml {SEARCH}", **{VARIABLE: str(driver.pid)})
    child = started(folder)
    driver.kill()
    driver.wait()
    killed = time.monotonic()
    assert process.wait(5) == ORPHANED
    wait_until(lambda: not lives(child), 3)
    assert time.monotonic() - killed < 5


GREEDY = """
import dataclasses, os, sys
from pathlib import Path
from harness.plan import config, registry
from harness.running import batch
from methods.base import Method
@dataclasses.dataclass(frozen=True)
class Greedy(Method):
    def search(self, run):
        if run.job.method != "darts":
            return run.space.sample(run.rng)
        Path("/sys/fs/cgroup/memory/nas-batch/cgroup.procs").write_text(str(os.getpid()))
        while True:
            kept.append(bytearray(1 << 20))
kept = []
registry.method = lambda name, **fields: Greedy()
benchmark = config.load(Path("benchmark.yaml"))
batch.run([run for run in benchmark.searches_of("digits")])
"""


def test_a_run_that_takes_all_memory_is_a_record_and_its_batch_goes_on(folder):
    group = "/sys/fs/cgroup/memory/nas-batch"
    try:
        os.mkdir(group)
        with open(f"{group}/memory.limit_in_bytes", "w") as file:
            file.write("900000000")
    except OSError:
        pytest.skip("no control group can be made here: needs root and the first version of control groups")
    try:
        environment = {**os.environ, "PYTHONPATH": str(registry.ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", GREEDY], cwd=folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    finally:
        os.rmdir(group)
    assert json.loads((folder / f"results/smoke/records/{SEARCH}.json").read_text())["status"] == "oom"
    assert record(folder, RANDOM)["status"] == "done"
