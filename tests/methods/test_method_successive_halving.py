"""Successive halving: sizes of the rungs, who is promoted, what a bracket costs."""

from collections import Counter
from dataclasses import replace

import pytest

from harness.plan import datasets, registry
from harness.plan.jobs import Search
from harness.running.checkpoint import Checkpoint
from harness.running.clock import Clock
from harness.running.search_run import SearchRun
from protocols.datasets import Split
from tests.methods.planted import asked, table


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Values grow with the epochs and rank alike at each fidelity."""
    value = lambda arch, epochs: (25 * arch[0] + 5 * arch[1] + arch[2] + epochs / 10) / 200  # noqa: E731
    return table(tmp_path_factory.mktemp("planted"), (5, 5, 5), value, epochs=(1, 3, 9))


def test_a_bracket_keeps_the_best_third_of_each_rung(run):
    made = run("successive_halving", evaluations=3)
    found = made.method.search(made)
    epochs = Counter(epochs for _, epochs in asked(made))
    assert (epochs[1], epochs[3], epochs[9]) == (9, 3, 1)
    by_rung = {e: [arch for arch, epochs in asked(made) if epochs == e] for e in (1, 3, 9)}
    assert by_rung[3] == sorted(by_rung[1], reverse=True)[:3]
    assert by_rung[9] == [max(by_rung[1])] == [found]


def test_brackets_cost_what_they_cost(run):
    """A bracket is 9 * 1/9 + 3 * 1/3 + 1 = 3 evaluations at full fidelity."""
    made = run("successive_halving", evaluations=9)
    made.method.search(made)
    assert made.left < 1
    assert Counter(epochs for _, epochs in asked(made))[9] in (2, 3)  # repeated architectures make room for more


def test_the_answer_is_of_the_highest_fidelity(tmp_path):
    """Values fall with the epochs: the best number of all belongs to an architecture that was stopped early."""
    run = table(tmp_path, (5, 5), lambda arch, epochs: (5 * arch[0] + arch[1] + 30 - 3 * epochs) / 60, epochs=(1, 9))
    made = run("successive_halving", evaluations=2)
    found = made.method.search(made)
    assert found in [arch for arch, epochs in asked(made) if epochs == 9]


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "digits-8"
    datasets.prepare(datasets.named("digits"), 8, folder, folder.parent)
    return folder


@pytest.mark.parametrize("axis", ["epochs", "channels", "resolution", "samples"])
def test_every_reduction_has_rungs_and_ends_at_full_size(axis, digits, tmp_path):
    """By real trainings, of 2 epochs on 96 images. Fewer channels and pixels save no passes over the images."""
    job = Search("smoke", "digits", "nasbench201", "successive_halving", 0, (("axis", axis), ("eta", 2)))
    setting = replace(job.setting, budget=replace(job.setting.budget, evaluations=8, evaluation_epochs=2))
    run = SearchRun(job, registry.space(job.space), digits, lambda kind: Checkpoint(tmp_path / kind, ""), Clock())
    run.setting, run.budget = setting, setting.budget
    run.data = replace(run.data, **{half: Split(*(part[:96] for part in getattr(run.data, half))) for half in HALVES})
    rungs = run.fidelities(axis)[-2:]
    run.fidelities = lambda asked: rungs
    found = run.method.search(run)
    sizes = Counter(getattr(fidelity, axis) for _, fidelity in run._asked.asked)
    less, full = (getattr(fidelity, axis) for fidelity in rungs)
    assert less == full / 2 and set(sizes) == {less, full} and sizes[full] >= 1
    assert found in [arch for arch, fidelity in run._asked.asked if getattr(fidelity, axis) == full]


HALVES = ("train", "val")
