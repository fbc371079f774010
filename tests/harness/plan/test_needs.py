"""What batches ask a cluster for covers what the published records took."""

import json
import subprocess
import sys

import pytest

from harness.plan import config, datasets, registry
from harness.plan.batches import search_of
from harness.plan.jobs import Search, Training
from harness.plan.needs import MOST_MINUTES, SPARE, estimate, needs

RECORDS = registry.ROOT / "results/published/laptop-2026-11-30/records"
AXES = ("protocol", "dataset", "space", "method", "seed")


def published():
    for path in sorted(RECORDS.rglob("*.json")):
        record = json.loads(path.read_text())
        if record.get("status") == "done":
            search = Search(*(record["key"][axis] for axis in AXES))
            yield record, search if record["kind"] == "search" else Training.of_key(record["key"])


def images(record, job):
    """Of train and val together; a search counts what it saw of both halves, a training its epochs."""
    seen = record["result"].get("images", 0)
    return seen // job.setting.training.epochs if record["kind"] == "train" else seen // job.setting.budget.epochs


def test_the_published_records_fit_into_what_is_asked_for():
    found = [(record, needs([job], 24, images(record, job) or 1)) for record, job in published()]
    assert len(found) > 300
    for record, asked in found:
        assert record["measured"]["seconds"] < 60 * asked.minutes, record["key"]
        assert record["measured"]["peak_megabytes"] < asked.megabytes, record["key"]
        assert asked.gpus == 0 and asked.minutes <= 30 and asked.megabytes <= 2000, record["key"]


@pytest.mark.parametrize("file, gpus", [("default", 0), ("gpu", 1), ("paper", 1), ("tables", 0)])
def test_a_gpu_is_asked_for_where_the_protocol_computes_on_one(file, gpus):
    benchmark = config.load(registry.ROOT / f"config/{file}.yaml")
    jobs = benchmark.jobs_of(benchmark.datasets[0])[:2]
    assert needs(jobs, benchmark.hours_a_job, 50_000).gpus == gpus


def test_more_jobs_need_more_time_within_bounds():
    job = Training(Search("paper", "cifar10", "darts", "darts", 0))
    one, short = needs([job], 24 * 365, 50_000), needs([job], 1, 50_000)
    assert one.minutes == MOST_MINUTES  # the next job of the cluster goes on
    assert short.minutes < 90 < needs([job] * 3, 1, 50_000).minutes < 240
    assert needs([job] * 3, 1, 50_000).megabytes == short.megabytes


def test_a_training_at_the_published_scale_is_estimated_at_a_day_of_a_gpu():
    job = Training(Search("paper", "cifar10", "darts", "random_sampling", 0))
    found = estimate([job] * 10, lambda _: 50_000)
    assert found.gpu_hours == pytest.approx(240) and found.core_hours == 0
    assert 0.15 < found.gigabytes < 0.17  # nearly all of it the images
    assert str(found) == "about 240 hours of a GPU, at most 0 of a processor's core, 0.2 GB of disk"
    assert needs([job], 24 * 365, 50_000).minutes == MOST_MINUTES
    assert needs([job], 24 * 365, 500).minutes == pytest.approx(5 + SPARE * 24 * 60 / 100, abs=10)


def test_the_published_run_took_no_more_than_was_estimated():
    """4 hours, and 19 at most."""
    found = list(published())
    estimated = estimate([job for _, job in found], lambda job: datasets.named(search_of(job).dataset).images)
    took = sum(record["measured"]["seconds"] for record, _ in found) / 3600
    assert estimated.gpu_hours == 0
    assert took < estimated.core_hours < 6 * took


def test_a_dry_run_says_what_is_left_to_do(tmp_path):
    (tmp_path / "profiles").symlink_to(registry.ROOT / "profiles")
    command = [sys.executable, "-m", "snakemake", "-n", "all", "--snakefile", registry.ROOT / "Snakefile"]
    command += ["--configfile", registry.ROOT / "config/gpu.yaml", "--config", "seeds=1"]
    last = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stderr.splitlines()[-1]
    assert last.startswith("what is left takes about ") and "0 of a processor's core" in last
