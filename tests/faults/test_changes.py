"""A changed configuration runs what it touches, and nothing else."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from harness.plan import registry
from tests.faults import torture
from tests.faults.torture import ONE_METHOD

pytestmark = pytest.mark.pipeline


@pytest.fixture
def folder(unbroken, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(unbroken, folder, symlinks=True)
    return folder


def planned(folder, config, file="benchmark.yaml"):
    """Names of the searches and trainings that would run, and the other rules."""
    said = dry_run(folder, config, file)
    written = " ".join(re.findall(r"^    output: (.*)$", said, re.MULTILINE))
    jobs = re.findall(r"results/smoke/records/(\S+)\.json", written)
    return set(jobs), set(re.findall(r"^(?:local)?rule (\w+):", said, re.MULTILINE))


def dry_run(folder, config, file):
    (folder / file).write_text(config)
    command = [sys.executable, "-m", "snakemake", "-n", "--cores", "1", "all", "--configfile", file]
    environment = {**os.environ, "PYTHONPATH": str(registry.ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout + done.stderr


def test_nothing_changed(folder):
    assert planned(folder, ONE_METHOD) == (set(), {"all"})


def test_another_configuration_shares_the_records_and_has_tables_of_its_own(folder):
    assert planned(folder, ONE_METHOD, "second.yaml") == (set(), {"tables", "track", "all"})
    said = dry_run(folder, ONE_METHOD, "second.yaml")
    assert "results/smoke/second/tables/methods.csv" in said and "results/smoke/benchmark/" not in said
    assert (folder / "results/smoke/benchmark/tables/methods.csv").exists()


def test_more_seeds(folder):
    jobs, _ = planned(folder, ONE_METHOD.replace("seeds: 1", "seeds: 2"))
    assert jobs == {"digits/darts/darts/search-1", "digits/darts/darts/train-1-cells3-repeat0"}


def test_one_more_random_architecture(folder):
    jobs, _ = planned(folder, ONE_METHOD.replace("random: 2", "random: 3"))
    assert {name.split("/")[2] for name in jobs} == {"random_sampling"}
    assert all(re.search(r"(search|train)-2", name) for name in jobs)


def test_another_dataset(folder):
    jobs, _ = planned(folder, ONE_METHOD.replace("[digits]", "[digits, glyphs]"))
    assert {name.split("/")[0] for name in jobs} == {"glyphs"}


def test_another_method(folder):
    jobs, _ = planned(folder, ONE_METHOD + "  - {method: enas, space: enas}\n")
    assert {name.split("/")[1] for name in jobs} == {"enas"}


def test_a_parameter_of_a_method(folder):
    jobs, others = planned(folder, ONE_METHOD.replace("space: darts}", "space: darts, set: {alpha_lr: 0.01}}"))
    assert jobs == {"digits/darts/darts/search-0", "digits/darts/darts/train-0-cells3-repeat0"}
    assert "data" not in others and "tables" in others


def test_what_is_there_keeps_its_bytes(folder):
    before = {path: path.read_bytes() for path in (folder / "results").rglob("records/**/*.json")}
    (folder / "benchmark.yaml").write_text(ONE_METHOD.replace("seeds: 1", "seeds: 2"))
    assert torture.start(folder).wait() == 0
    after = {path: path.read_bytes() for path in (folder / "results").rglob("records/**/*.json")}
    assert len(after) == len(before) + 2
    assert {path: after[path] for path in before} == before


@pytest.mark.slow
def test_a_change_that_is_taken_back_is_found_again(folder):
    before = torture.results(folder)
    log = folder / "work/logs/smoke/digits/darts/darts/search-0.log"
    log.unlink()
    shutil.rmtree(folder / "results")
    shutil.rmtree(folder / ".snakemake")
    assert torture.start(folder).wait() == 0
    assert torture.results(folder) == before
    assert not log.exists()  # nothing was trained
