"""What batches ask a cluster for covers what the published records took."""

import json

import pytest

from harness.plan import config, registry
from harness.plan.jobs import Search, Training
from harness.plan.needs import MOST_MINUTES, needs

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
    assert needs(jobs, benchmark.hours_a_job).gpus == gpus


def test_more_jobs_need_more_time_within_bounds():
    job = Training(Search("paper", "cifar10", "darts", "darts", 0))
    one, short = needs([job], 24 * 365), needs([job], 1)
    assert one.minutes == MOST_MINUTES  # the next job of the cluster goes on
    assert short.minutes < 90 < needs([job] * 3, 1).minutes < 240
    assert needs([job] * 3, 1).megabytes == short.megabytes
