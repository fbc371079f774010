"""Kills snakemake and its jobs at random moments, types the plain command again, and compares with an unbroken run.

    python -m tests.faults.torture --trials 20

Each trial starts from nothing. Its kills (SIGKILL) come in random order and at random moments: of snakemake alone,
whose jobs must then end by themselves, of batches, and of single searches and trainings. A trial passes where one last
plain command ends with exit 0, all records (times apart) and all tables are the same as those of the unbroken run to
the byte, and no killed job did more than one epoch again. One that was done before all its kills came counts for
nothing."""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from harness.plan import registry
from harness.running.driver import lives
from harness.running.lease import living

SHIPPED = ["Snakefile", "environment.yaml", "profiles", "config", "harness/report/captions"]
ONE_METHOD = """\
protocol: smoke
datasets: [digits]
seeds: 1
random: 2
searches:
  - {method: darts, space: darts}
"""
ALL_METHODS = f"""{ONE_METHOD}\
  - {{method: enas, space: enas, set: {{controller_steps: 2, samples: 2}}}}
  - {{method: fbnet, space: fbnet}}
  - {{method: single_path, space: single_path}}
"""
ORPHANS_SECONDS = 2.0


def folder_for(folder: Path, config: str = ALL_METHODS) -> Path:
    """A working folder with the pipeline's files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in SHIPPED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(registry.ROOT / name)
    (folder / "benchmark.yaml").write_text(config)
    return folder


def start(folder: Path, cores: int = 2) -> subprocess.Popen[bytes]:
    """The plain command."""
    environment = {**os.environ, "PYTHONPATH": str(registry.ROOT)}
    command = [sys.executable, "-m", "snakemake", "--cores", str(cores), "all", "--configfile", "benchmark.yaml"]
    with open(folder / "snakemake.log", "ab") as log:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)


def results(folder: Path) -> dict[str, Any]:
    """All that must be the same: records without the times they took, tables and figures' data, but those of times."""
    records = {
        str(path.relative_to(folder)): {k: v for k, v in json.loads(path.read_text()).items() if k != "measured"}
        for path in (folder / "results").rglob("records/**/*.json")
    }
    tables = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in (folder / "results").rglob("*.csv")
        if not path.stem.endswith("_times")
    }
    return {**records, **tables}


def jobs(folder: Path) -> Iterator[tuple[psutil.Process, str]]:
    """The searches and trainings that run in a folder, their processes and names, as their leases say."""
    for name, holder in living(folder / "work").items():
        with suppress(psutil.Error):
            yield psutil.Process(holder.process), name


def log_of(folder: Path, name: str) -> Path:
    return folder / "work/logs/smoke" / f"{name}.log"


def reached(log: Path) -> tuple[int, int]:
    """The epoch that a job's log names last, -1 for none, and when the log was written last."""
    if not log.exists():
        return -1, 0
    found = re.findall(r"^epoch (\d+):", log.read_text(), re.MULTILINE)
    return int(found[-1]) if found else -1, log.stat().st_mtime_ns


def first_epoch(log: Path) -> int | None:
    """The epoch that a job's log names first."""
    found = re.search(r"^epoch (\d+):", log.read_text(), re.MULTILINE)
    return int(found[1]) if found else None


class Trial:
    """One benchmark that is broken and goes on."""

    def __init__(self, folder: Path, seed: int, drivers: int, kills: int, seconds: float, cores: int = 2):
        """`drivers` and `kills`: how many of snakemake and of jobs; `seconds`: mean time between two of them."""
        self.folder, self.rng, self.seconds, self.cores = folder, random.Random(seed), seconds, cores
        self.events = ["driver"] * drivers + ["job"] * kills
        self.rng.shuffle(self.events)
        self.killed: dict[str, tuple[int, int]] = {}  # job -> what its log had `reached`
        self.delivered = {"driver": 0, "job": 0}
        self.slowest_orphan = 0.0

    def run(self) -> None:
        driver = start(self.folder, self.cores)
        for event in self.events:
            if not self._wait(driver, self.rng.expovariate(1 / self.seconds)):
                if driver.returncode == 0:
                    break  # all was done before all kills came
                driver = start(self.folder, self.cores)  # a job was killed twice
                self._wait(driver, 4)
            driver = self._kill_driver(driver) if event == "driver" else self._kill_job(driver)
        driver.wait()
        last = start(self.folder, self.cores)
        assert last.wait() == 0, (self.folder / "snakemake.log").read_text()[-3000:]
        for name, (epoch, written) in self.killed.items():
            log = log_of(self.folder, name)
            first = first_epoch(log)
            if log.stat().st_mtime_ns != written:  # else it had ended: the kill met a process with nothing left to do
                assert first is None or first >= epoch, f"{name} was killed in epoch {epoch} and began again at {first}"

    def problem(self, expected: dict[str, Any]) -> str:
        """What an unbroken run has and this trial has not; nothing where it passes."""
        try:
            self.run()
            found = results(self.folder)
            different = [name for name in {*expected, *found} if expected.get(name) != found.get(name)]
            assert not different, f"{len(different)} files differ: {sorted(different)[:3]}"
        except AssertionError as error:
            return f"FAILED in {self.folder}: {error}"
        return ""

    def _wait(self, driver: subprocess.Popen[bytes], seconds: float) -> bool:
        """Whether it still runs afterwards."""
        with suppress(subprocess.TimeoutExpired):
            driver.wait(seconds)
            return False
        return True

    def _kill_driver(self, driver: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        orphans = list(jobs(self.folder))
        driver.kill()
        driver.wait()
        killed = time.monotonic()
        while alive := [name for process, name in orphans if lives(process)]:
            assert time.monotonic() - killed < ORPHANS_SECONDS, f"{alive} outlived their driver by {ORPHANS_SECONDS} s"
            time.sleep(0.02)
        self.killed |= {name: reached(log_of(self.folder, name)) for _, name in orphans}
        if orphans:
            self.slowest_orphan = max(self.slowest_orphan, time.monotonic() - killed)
        self.delivered["driver"] += 1
        return start(self.folder, self.cores)

    def _kill_job(self, driver: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and driver.poll() is None:
            if running := sorted(jobs(self.folder), key=lambda found: found[1]):
                process, name = self.rng.choice(running)
                with suppress(psutil.NoSuchProcess):
                    (process.parent() if self.rng.random() < 0.5 else process).kill()  # the whole batch, or one run
                    self.killed[name] = reached(log_of(self.folder, name))
                    self.delivered["job"] += 1
                    break
            time.sleep(0.05)
        return driver


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--drivers", type=int, default=3, help="kills of snakemake in each trial")
    parser.add_argument("--jobs", type=int, default=5, help="kills of jobs in each trial")
    parser.add_argument("--seconds", type=float, help="mean time between two kills; default: a 25th of an unbroken run")
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="torture-")).resolve()
    unbroken = folder_for(root / "unbroken")
    started = time.monotonic()
    assert start(unbroken).wait() == 0, (unbroken / "snakemake.log").read_text()[-3000:]
    expected = results(unbroken)
    seconds = time.monotonic() - started
    print(f"unbroken: {len(expected)} files in {seconds:.0f} s", flush=True)
    wanted = {"driver": options.drivers, "job": options.jobs}
    verdicts: list[str] = []
    for seed in itertools.count():
        if len(verdicts) - verdicts.count("too few kills") == options.trials:
            break
        trial = Trial(folder_for(root / f"trial{seed}"), seed, *wanted.values(), options.seconds or seconds / 25)
        started = time.monotonic()
        problem = trial.problem(expected)
        verdicts.append(problem or ("passed" if trial.delivered == wanted else "too few kills"))
        print(
            f"trial {seed}: {verdicts[-1]}; killed snakemake {trial.delivered['driver']} times, jobs "
            f"{trial.delivered['job']} times; slowest orphan {trial.slowest_orphan:.1f} s; "
            f"{time.monotonic() - started:.0f} s",
            flush=True,
        )
        if not problem:
            shutil.rmtree(trial.folder)
    passed = verdicts.count("passed")
    print(f"{passed} of {options.trials} trials passed")
    return 0 if passed == options.trials else 1


if __name__ == "__main__":
    sys.exit(main())
