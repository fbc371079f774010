"""Attempts that made progress do not count: asked by a real snakemake."""

import os
import subprocess
import sys

import pytest

from harness.plan import registry
from harness.running.patience import Patience

pytestmark = pytest.mark.pipeline
SNAKEFILE = """
from pathlib import Path
from harness.running.patience import Patience

rule job:
    output: "record"
    retries: Patience(lambda: workflow.execution_settings.retries, lambda: [Path("log")], lambda: [Path("checkpoint")])
    shell: "echo attempt >> attempts; touch log; {work}"
"""
WORK = {
    "progress": ("echo epoch >> checkpoint; [ $(wc -l < attempts) = 6 ] && touch record", True, 6),
    "none": ("false", False, 2),
    "at first": ("[ $(wc -l < attempts) -gt 3 ] || echo epoch >> checkpoint; false", False, 5),
}


@pytest.mark.parametrize("work, ends, attempts", WORK.values(), ids=WORK.keys())
def test_with_one_retry(tmp_path, work, ends, attempts):
    (tmp_path / "Snakefile").write_text(SNAKEFILE.format(work=work))
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--retries", "1", "--quiet", "all"]
    environment = {**os.environ, "PYTHONPATH": str(registry.ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode == 0) == ends, done.stderr
    assert len((tmp_path / "attempts").read_text().splitlines()) == attempts


def test_more_memory_after_an_attempt_that_got_nowhere(tmp_path):
    log, checkpoint = tmp_path / "log", tmp_path / "checkpoint"
    retries = Patience(lambda: 2, lambda: [log], lambda: [checkpoint])
    assert retries.megabytes(1000) == 1000
    assert retries > 0 and retries.megabytes(1000) == 2000
    log.touch()
    assert retries > 1 and retries.megabytes(1000) == 3000  # begun, and no more
    checkpoint.write_text("epoch 1")
    assert retries > 2 and retries.megabytes(1000) == 1000
    assert [retries > 3, retries > 4, retries > 5] == [True, True, False]
