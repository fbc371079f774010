"""Jobs of a cluster know their own batch from the driver's plan, and plan nothing again."""

import shutil

import pytest
import yaml

from harness.plan import registry
from harness.running import pipeline
from harness.running.pipeline import Pipeline


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
