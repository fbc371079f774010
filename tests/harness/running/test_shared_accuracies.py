"""Searches that also measure the random architectures with their shared weights."""

from dataclasses import replace

import pytest

from harness.plan import config, datasets, registry
from harness.plan.jobs import Search, Training
from harness.running.checkpoint import Checkpoint
from harness.running.clock import Clock
from harness.running.search import search
from harness.running.search_run import SearchRun
from methods.parts.bilevel import accuracy
from protocols.datasets.parts.store import prepare

JOB = Search("smoke", "digits", "nasbench201", "gdas", 0, ranked=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "digits-8"
    prepare(datasets.named("digits"), 8, folder)
    return folder


def outcome(job, folder):
    return search(job, folder, lambda kind: Checkpoint(None, ""), Clock())


def test_a_search_measures_the_architectures_of_the_baseline_and_finds_the_same(folder):
    plain, ranked = outcome(replace(JOB, ranked=0), folder), outcome(JOB, folder)
    accuracies = ranked["result"].pop("shared_accuracies")
    assert ranked == plain
    baseline = [outcome(replace(JOB, method="random_sampling", seed=seed), folder)["arch"] for seed in range(3)]
    assert list(accuracies) == baseline
    assert all(0 <= value <= 1 for value in accuracies.values())


def test_accuracies_are_those_of_paths_on_the_validation_half(folder):
    run = SearchRun(JOB, registry.space("nasbench201"), folder, lambda kind: Checkpoint(None, ""), Clock())
    run.data = replace(run.data, test=None)
    assert run.shared_accuracies(3) == {}  # nothing has shared weights yet
    net = run.supernet()
    for text, found in run.shared_accuracies(2).items():
        images, labels = run._inputs.plain(run.data.val.images), run.data.val.labels
        path = net.path(run.space.parse(text))
        assert found == pytest.approx(accuracy(net, path, [(images, labels)]), abs=0.05)  # batches of 32
    assert run.shared_accuracies(0) == {}
    run.supernet()
    assert run.shared_accuracies(2) == {}  # which of the two?


def test_it_is_asked_for_by_the_configuration_and_no_other_record_changes(tmp_path):
    file = tmp_path / "c.yaml"
    lines = "protocol: smoke\ndatasets: [digits]\nseeds: 1\nrandom: 4\nsearches: [{method: gdas, space: nasbench201}]\n"
    file.write_text(lines)
    off = config.load(file)
    on = config.load(file, {"rank_supernets": True})
    assert {job.ranked for job in off.searches_of("digits")} == {0}
    assert {job.method: job.ranked for job in on.searches_of("digits")} == {"gdas": 4, "random_sampling": 0}
    off_job, on_job = (one.searches_of("digits")[0] for one in (off, on))
    assert "ranked" not in off_job.specification() and on_job.specification()["ranked"] == 4
    assert off_job.key == on_job.key and off_job.name == on_job.name
    assert off_job.fingerprint() != on_job.fingerprint()
    assert Training(off_job).fingerprint() != Training(on_job).fingerprint()
