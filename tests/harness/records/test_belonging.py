"""Whether the records that are there belong to a benchmark; and what is said of those that do not, once."""

import time
from collections import Counter

import pytest

from harness import records
from harness.plan import config, datasets, fingerprints
from harness.plan.jobs import Training, data_folder, record_path
from harness.records import belonging, weights
from harness.running import status
from protocols.datasets import manifest
from protocols.datasets.parts.store import prepare
from spaces.base import UserError

CONFIG = """\
protocol: smoke
datasets: [digits]
seeds: 2
random: 2
searches:
  - {method: fbnet, space: fbnet}
"""


@pytest.fixture
def benchmark(tmp_path, monkeypatch):
    """A benchmark with a made-up record for each run, as they would be made today; nothing is trained."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "benchmark.yaml").write_text(CONFIG)
    found = config.load(tmp_path / "benchmark.yaml")
    prepare(datasets.named("digits"), 8, data_folder("digits", 8))
    for job in found.jobs_of("digits"):
        write(job)
    return found


def write(job, **changes):
    record = {
        "kind": "train" if isinstance(job, Training) else "search",
        "status": "done",
        "key": job.key,
        "arch": "a",
        "result": {},
        "curves": {},
        "config": job.specification(),
        "modules": job.modules(),
        "fingerprint": job.fingerprint(),
        "data": manifest(data_folder("digits", 8))["sha256"],
        "environment": {},
        "measured": {"seconds": 1.0},
    }
    records.write(record_path(job), {**record, **changes})


def spoilt(benchmark):
    return [line for line in status.status(benchmark).lines if line.state == "spoilt"]


def test_a_search_that_ends_while_records_are_read_spoils_nothing(benchmark):
    training = next(job for job in benchmark.jobs_of("digits") if isinstance(job, Training) and not job.arch)
    (search, path) = training.search, record_path(training.search)
    path.unlink()
    assert len(spoilt(benchmark)) == 1  # a training without its search
    for one in (reading := belonging.held(benchmark)):
        if one.job == search:
            break
    write(search)
    assert {one.job: one.record is not None for one in reading}[training]


def test_todays_records_belong(benchmark):
    assert all(one.record and not one.problem for one in belonging.held(benchmark))
    assert len(belonging.checked(benchmark)) == 8
    assert status.status(benchmark).finished


def test_records_of_other_code_are_one_line_that_names_the_modules(benchmark):
    jobs = benchmark.jobs_of("digits")
    for job in jobs:
        then = {**job.modules(), "protocols.parts.optimizers": "0" * 12}
        write(job, config={**job.specification(), "code": "0" * 64}, modules=then, fingerprint="0" * 64)
    (line,) = spoilt(benchmark)
    assert line.name == f"{jobs[0].name} and 7 others"
    assert "(protocols.parts.optimizers differ)" in line.detail and "recheck" in line.detail
    with pytest.raises(UserError, match="and 7 others: made from other code than today's") as caught:
        belonging.checked(benchmark)
    assert "\n" not in str(caught.value)
    kept = [records.read(record_path(job)) for job in jobs]
    assert "differ from those of the records: protocols.parts.optimizers" in belonging.code_of(kept)


def test_other_settings_and_images_are_named(benchmark):
    first, second, *_ = benchmark.jobs_of("digits")
    write(first, config={**first.specification(), "version": "smoke-0.0"}, fingerprint="0" * 64)
    write(second, data="0" * 64)
    assert [line.detail.partition(":")[0] for line in spoilt(benchmark)] == [
        "made with other settings than today's (version)",
        "made from other images than those that are prepared now",
    ]


def test_equal_reasons_are_one_line(benchmark):
    """Failures of one reason, edits of several files; what runs keeps a line of its own."""
    jobs = benchmark.jobs_of("digits")
    for job in jobs[:3]:
        write(job, status="failed", reason="ValueError: no\n such thing")
    write(jobs[3], status="failed", reason="ValueError: another thing")
    for job in jobs[4:6]:
        path = record_path(job)
        path.write_text(path.read_text().replace('"arch": "a"', '"arch": "b"'))
    failed, other, edited = status.status(benchmark).lines
    log = f"work/logs/smoke/{jobs[0].name}.log"
    assert failed == ("failed", f"{jobs[0].name} and 2 others", f"ValueError: no such thing ({log})")
    assert other[1] == jobs[3].name
    assert edited.name == f"{jobs[4].name} and 1 other" and str(record_path(jobs[4])) in edited.detail
    found = status.status(benchmark)
    assert found.total == {"failed": 4, "spoilt": 2, "done": 2}
    assert status.line(found, "", 0) == "2 of 8 done, 0 running, 0 left, 4 failed, 2 spoilt"


def test_the_line_of_a_benchmark_that_runs(monkeypatch):
    """Two run side by side, and an hour of work is left: half an hour."""
    counts = {("search", "darts", "darts"): Counter(done=5, running=2, waiting=3, stopped=1)}
    found = status.Status(counts, {}, [], 3600.0, None, {})
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    said = status.line(found, "so far: darts better, 2 not distinguishable", 1_000_000_000.0)
    monkeypatch.undo()
    time.tzset()
    assert said == (
        "5 of 11 done, 2 running, 4 left; about 30 min more, until 02:16; so far: darts better, 2 not distinguishable"
    )


def test_an_edited_record_says_so(benchmark):
    path = record_path(benchmark.jobs_of("digits")[-1])
    path.write_text(path.read_text().replace('"arch": "a"', '"arch": "b"'))
    (line,) = spoilt(benchmark)
    assert "was changed after it was written" in line.detail


def test_without_prepared_images_the_records_stay(benchmark, tmp_path):
    """They are prepared again, and compared then."""
    (data_folder("digits", 8) / "manifest.json").unlink()
    belonging._images.cache_clear()
    assert all(one.record for one in belonging.held(benchmark))
    belonging._images.cache_clear()


def test_what_is_known_of_a_snapshots_code(benchmark):
    found = [records.read(record_path(job)) for job in benchmark.jobs_of("digits")]
    assert belonging.code_of(found) == "the modules that decide numbers are those of the records"
    old = [{name: value for name, value in record.items() if name != "modules"} for record in found]
    assert belonging.code_of(old).startswith("8 records do not name the modules")
    foreign = [{**record, "key": {**record["key"], "method": "of_somebody"}} for record in found]
    assert belonging.code_of(foreign).startswith("4 records do not name the modules")  # the searches
    by_hand = [record for record in foreign if record["kind"] == "train"]
    assert belonging.code_of(by_hand) == "the modules that decide numbers are those of the records"


def test_a_declaration_keeps_the_records(benchmark, monkeypatch):
    """What recheck writes: this hash of code stands for that."""
    job = benchmark.jobs_of("digits")[0]
    write(job, config={**job.specification(), "code": "0" * 64}, fingerprint=None)
    today = fingerprints.hash_of(job.modules())
    monkeypatch.setattr("harness.plan.rechecks.stands_for", lambda protocol: {today: "0" * 64})
    assert job.specification()["code"] == "0" * 64


def test_a_training_without_the_weights_that_the_configuration_asks_for_is_not_finished(benchmark):
    asking = benchmark.model_copy(update={"keep_weights": True})
    trainings = asking.trainings_of("digits")
    problems = lambda: [one.problem for one in belonging.held(asking) if one.problem]  # noqa: E731
    assert problems() == ["made without weights"] * len(trainings)
    for job in trainings:
        kept = weights.Weights(b"all of them", {"size": {}})
        weights.write(record_path(job), kept.content)
        write(job, weights=kept.field())
    assert problems() == [] and status.status(asking).finished
    first, second, third, *_ = trainings
    weights.path(record_path(first)).unlink()
    weights.path(record_path(second)).write_bytes(b"some of them")
    write(third, status="diverged", reason="loss is nan")  # a failure has none, and is a result
    assert [problem.partition(" (")[0] for problem in problems()] == [
        "made with weights that are missing now",
        "made with weights that were changed since",
    ]
    with pytest.raises(
        UserError, match="was made with weights that are missing now .*delete it and run snakemake again"
    ):
        belonging.checked(asking)
    assert len(belonging.checked(benchmark)) == 8  # who does not ask needs none
