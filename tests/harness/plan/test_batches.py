"""Which runs one job of the pipeline makes."""

from pathlib import Path

from harness.plan import config, registry
from harness.plan.batches import batches
from harness.plan.jobs import Search, Training

SMOKE = registry.ROOT / "config/smoke.yaml"


def planned(most, left=None):
    benchmark = config.load(SMOKE, {"batch": most})
    runs = [run for dataset in benchmark.datasets for run in benchmark.jobs_of(dataset)]
    return runs, batches(benchmark, runs if left is None else left)


def test_every_run_is_in_one_batch():
    for most in (1, 2, 3, 8, 1000):
        runs, found = planned(most)
        assert sorted(job.name for batch in found for job in batch.jobs) == sorted(run.name for run in runs)
        assert len({batch.name for batch in found}) == len(found)
        assert all(1 <= len(batch.jobs) <= most for batch in found)
        assert all(len({job.key["dataset"] for job in batch.jobs}) == 1 for batch in found)


def test_a_search_stands_before_its_trainings():
    """In its batch, or in one whose records the batch of the trainings reads."""
    for most in (1, 3, 8):
        _, found = planned(most)
        for batch in found:
            made = []
            for job in batch.jobs:
                if isinstance(job, Training) and job.search not in made:
                    assert f"results/smoke/records/{job.search.name}.json" in batch.reads
                made.append(job)


def test_chains_that_fit_stay_together():
    _, found = planned(8)
    for batch in found:
        searches = {job.search for job in batch.jobs if isinstance(job, Training)}
        assert searches <= {job for job in batch.jobs if isinstance(job, Search)}
    assert len(found) < 15


def test_only_what_is_left_is_planned():
    runs, _ = planned(8)
    training = next(run for run in runs if isinstance(run, Training))
    _, (batch,) = planned(8, [training])
    assert batch.jobs == (training,)
    assert batch.reads == [f"results/smoke/records/{training.search.name}.json"]
    assert planned(8, [])[1] == []


def test_the_shipped_configurations_have_batches(photographs):
    """A minute or some each: a search or training of the laptop protocol takes 4 to 40 seconds, a lookup 30 ms."""
    wanted = {"default": 16, "learning": 4, "schedule": 8, "replicate": 16, "smoke": 8, "zoo": 8}
    wanted |= {"collapse": 8, "collapse_cifar10": 4, "depth": 8, "gpu": 4}
    wanted |= {"paper": 1, "paper_ablations": 1, "ablations": 40, "ablations_tables": 3201}
    wanted |= {"tables": 200, "tables_external": 400, "ablations_external": 1500}
    assert {path.stem: config.load(path).batch for path in Path(registry.ROOT, "config").glob("*.yaml")} == wanted
