"""Jobs of a cluster know their own batch from the driver's plan, and plan nothing again."""

import shutil
import subprocess
import sys

import pytest
import yaml

from harness.plan import registry
from harness.running import pipeline
from harness.running.pipeline import Pipeline
from tests.costs import cost


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(registry.ROOT / "config/smoke.yaml", "benchmark.yaml")
    return tmp_path / "benchmark.yaml"


def test_a_job_reads_its_batch_from_the_plan(file, monkeypatch):
    driver = Pipeline(file, {})
    batches = driver.batches()
    driver.start(batches)

    def plans(*_):
        raise AssertionError("a job of the cluster plans again")

    monkeypatch.setattr(pipeline, "held", plans)
    monkeypatch.setattr(pipeline, "batches", plans)
    job = Pipeline(file, {})
    assert job.planned(["--allowed-rules", batches[3].name]) == [batches[3]]
    assert job.needs(batches[3]) == batches[3].needs
    assert job.planned(["tables"]) == []


def test_without_a_shared_folder_a_batch_follows_from_the_configuration(file):
    """There is no plan where the job runs, and no record either."""
    batches = Pipeline(file, {}, stored=True).batches()
    assert Pipeline(file, {}, stored=True).planned([batches[2].name]) == [batches[2]]
    assert all(name.startswith("work/data/") for name in batches[2].data) and len(batches[2].data) == 7


def test_the_profile_asks_squeue():
    """Without slurmdbd sacct answers nothing, and snakemake waited for ever."""
    profile = yaml.safe_load((registry.ROOT / "profiles/slurm/config.yaml").read_text())
    assert profile["slurm-status-command"] == "squeue" and profile["slurm-requeue"] and profile["keep-incomplete"]


MANY = {"tables": ["seeds=1640", "random=2000"], "default": ["seeds=1000"]}
"""20,000 searches and as many trainings or more, in batches of 200 and of 16."""


@pytest.mark.slow
@pytest.mark.parametrize("file, overrides", MANY.items())
def test_20_000_runs_are_planned_within_a_minute_and_600_megabytes(file, overrides, tmp_path):
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        registry.ROOT / "Snakefile",
        "-n",
        "all",
        "--configfile",
    ]
    command += [registry.ROOT / f"config/{file}.yaml", "--config", *overrides]
    for folder in ("profiles", "results/published"):
        (tmp_path / folder).parent.mkdir(exist_ok=True)
        (tmp_path / folder).symlink_to(registry.ROOT / folder)
    seconds, megabytes = cost(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert seconds < 60
    assert megabytes < 600
