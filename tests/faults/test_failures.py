"""A search that diverges: the other jobs go on, the tables say n of N, the run ends with exit 1 and says why."""

import os
import re
import subprocess
import sys

import pandas as pd
import pytest

from harness.plan import registry
from tests import unprivileged
from tests.faults import torture
from tests.faults.torture import ONE_METHOD

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    config = ONE_METHOD.replace("space: darts}", "space: darts, set: {lr: 1e30, clip: 1e30}}")
    folder = torture.folder_for(tmp_path_factory.mktemp("failed").resolve() / "run", config)
    return folder, torture.start(folder).wait(), (folder / "snakemake.log").read_text()


def test_the_run_ends_with_exit_1_and_a_summary(failed):
    folder, code, log = failed
    assert code == 1
    assert "diverged: digits/darts/darts/search-0: " in log
    assert "(work/logs/smoke/digits/darts/darts/search-0.log)" in log
    assert "failed: digits/darts/darts/train-0-cells3-repeat0: RuntimeError: the search diverged" in log
    assert "Error in rule all:" in log and "rule run_" not in log and "Finished jobid" not in log
    assert re.search(r"^0 of 6 done, 0 running, 6 left$", log, re.MULTILINE)
    assert len(log.splitlines()) < 40
    summary = [line for line in log.splitlines() if line.startswith("all ")][-1]
    assert summary.split() == ["all", "4", "1", "1"]  # done, diverged, failed


def test_the_tables_count_it_and_leave_it_out(failed):
    folder, _, _ = failed
    table = pd.read_csv(folder / "results/smoke/benchmark/tables/relative_improvement.csv")
    assert table["n_method"].tolist() == [0]
    assert "diverged" in (folder / "results/smoke/benchmark/tables/relative_improvement.md").read_text()


def test_the_same_command_says_it_again_and_repeats_nothing(failed):
    folder, _, _ = failed
    before = {path: path.stat().st_mtime_ns for path in (folder / "results").rglob("*.json")}
    assert torture.start(folder).wait() == 1
    assert {path: path.stat().st_mtime_ns for path in (folder / "results").rglob("*.json")} == before


def refusal(folder, cores=1, prefix=()):
    """The last line that snakemake says where it does not begin."""
    words = f"-m snakemake --cores {cores} all --configfile benchmark.yaml".split()
    environment = {**os.environ, "PYTHONPATH": str(registry.ROOT)}
    done = subprocess.run(
        [*prefix, sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    return done.stderr.rstrip().splitlines()[-1]


def test_a_missing_configuration_is_named_last(tmp_path):
    """Snakemake opens it before it reads the Snakefile: its traceback cannot be had away (docs/using.md)."""
    folder = torture.folder_for(tmp_path / "run")
    (folder / "benchmark.yaml").unlink()
    assert refusal(folder) == "FileNotFoundError: [Errno 2] No such file or directory: 'benchmark.yaml'"
    assert not (folder / "results").exists()


def test_no_cores(failed):
    assert refusal(failed[0], cores=0) == "error: --cores 0 runs nothing: give at least 1"


@unprivileged.needed
def test_results_that_cannot_be_written(tmp_path):
    """Before any job."""
    folder = torture.folder_for(tmp_path / "run", ONE_METHOD)
    (folder / "results").mkdir(mode=0o555)
    said = refusal(folder, prefix=unprivileged.PREFIX)
    assert said == "error: folder results/smoke cannot be written: Permission denied: mend that and try again"
    assert not (folder / "work/data").exists()
