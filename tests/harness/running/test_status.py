"""`python -m harness status` while a benchmark runs: seen from another process, as from another terminal."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.plan import registry
from harness.running.driver import at_work
from tests.faults import torture
from tests.tracked import wait_until

pytestmark = pytest.mark.pipeline


def status(folder: Path, *words: str) -> str:
    command = [sys.executable, "-m", "harness", "status", "--config", "benchmark.yaml", *words]
    environment = {**os.environ, "PYTHONPATH": str(registry.ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True).stdout


LONG = torture.ONE_METHOD.replace("smoke", "laptop").replace("darts}", "darts, set: {order: 2}}")
"""A search of ten seconds: `status` takes one, in which that of the smoke protocol can end."""


def test_before_during_and_after_a_kill(tmp_path):
    folder = torture.folder_for(tmp_path.resolve() / "run", LONG)
    assert "0 of 6 jobs ended; no snakemake is at work here; nothing is done yet" in status(folder)
    driver = torture.start(folder)
    log = folder / "work/logs/laptop/digits/darts/darts/search-0.log"
    wait_until(lambda: log.exists() and "epoch 0" in log.read_text(), 240)
    began, workers = at_work(folder / ".snakemake"), dict(map(reversed, torture.jobs(folder)))
    seen = status(folder)
    os.killpg(driver.pid, 9)
    driver.wait()
    assert began is not None
    assert "digits/darts/darts/search-0" in workers
    (line,) = (line for line in seen.splitlines() if line.startswith("running: digits/darts/darts/search-0: "))
    assert re.search(r"epoch [1-3] of 4, train_loss ", line)
    rows = {tuple(line.split()[:3]): line.split()[3:] for line in seen.splitlines() if line.startswith("search")}
    assert rows["search", "darts", "random_sampling"][0] in ("1", "2")  # done
    assert "snakemake has been at work for" in seen
    assert " left" in seen.splitlines()[-1]
    wait_until(lambda: not list(torture.jobs(folder)))
    after = status(folder, "--follow", "1")  # says it once: nothing runs that it could follow
    assert "stopped: digits/darts/darts/search-0: epoch " in after
    assert "no snakemake is at work here" in after
    done = len(list((folder / "results").rglob("*.json")))
    cure = "python -m harness track --config benchmark.yaml"
    assert f"MLflow does not show {done} of {done} records yet: {cure}" in after


def test_the_logs_of_another_protocol_are_not_its_jobs(tmp_path):
    """A first look with the smoke configuration, then the default run in the same folder."""
    folder = torture.folder_for(tmp_path.resolve() / "run", torture.ONE_METHOD)
    log = folder / "work/logs/laptop/digits/darts/darts/search-0.log"
    log.parent.mkdir(parents=True)
    log.write_text("epoch 0: train_loss 2.3\n")
    assert "stopped" not in status(folder)
    log = folder / "work/logs/smoke/digits/darts/darts/search-0.log"
    log.parent.mkdir(parents=True)
    log.write_text("epoch 0: train_loss 2.3\n")
    assert "stopped: digits/darts/darts/search-0: epoch 1 of 2" in status(folder)
