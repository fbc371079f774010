"""Searches by evaluations: the budget, answers that are known, lower fidelities, a kill and a resumption."""

import random

import pytest
import torch

from harness.plan import registry
from harness.plan.jobs import Search
from harness.running.checkpoint import Checkpoint
from harness.running.clock import Clock
from harness.running.search_run import SearchRun
from protocols.base import Fidelity
from spaces.base import UserError
from tests import portable

SPACE = registry.space("nasbench201")
WARMUP = registry.parameters("random_search", {"warmup": {"proxy": "params", "pool": 2}})
ARCHS = [SPACE.sample(random.Random(i)) for i in range(6)]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    portable.dataset(folder)
    return folder


@pytest.fixture
def make(data, tmp_path):
    """Makes runs of one search, which find what earlier ones have kept."""
    job = Search("smoke", "digits", "nasbench201", "random_search", 0, WARMUP)
    return lambda: SearchRun(job, SPACE, data, lambda kind: Checkpoint(tmp_path / kind, "x"), Clock())


def test_a_question_costs_once_and_its_answer_depends_on_nothing_else(make, tmp_path):
    run = make()
    first = run.evaluate(ARCHS[0])
    second = run.evaluate(ARCHS[1])
    assert run.left == 2
    assert (run.evaluate(ARCHS[0]), run.left) == (first, 2)
    (tmp_path / "journal").unlink()
    other = make()
    assert [other.evaluate(arch) for arch in (ARCHS[1], ARCHS[0])] == [second, first]
    assert other.outcome()["result"]["images"] == 2 * len(run.data.train.images)


def test_a_lower_fidelity_costs_less(make):
    run = make()
    assert [one.resolution for one in run.fidelities("resolution")] == [1 / 2, 1]
    assert run.fidelities("epochs") == run.fidelities("samples") == (Fidelity(1),)  # of 32 images, in batches of 64
    run.evaluate(ARCHS[0], Fidelity(1, samples=1 / 4))
    assert run.left == 3.75
    run.evaluate(ARCHS[0], run.fidelities("resolution")[0])
    run.evaluate(ARCHS[0], run.fidelities("channels")[0])
    assert run.left == 1.75  # an image of fewer pixels is an image
    with pytest.raises(RuntimeError, match="more than the 4 evaluations"):
        run.evaluate(ARCHS[0], Fidelity(2))
    with pytest.raises(ValueError, match="not in 'depth'"):
        run.fidelities("depth")


def test_turns_end_with_the_budget_or_without_new_questions(make):
    run = make()
    assert [run.evaluate(ARCHS[turn]) >= 0 for turn in run.evaluations()] == [True] * 4
    run = make()
    assert [run.evaluate(ARCHS[0]) >= 0 for _ in run.evaluations()] == [True] * 1001  # one new, the others known


def test_a_killed_search_is_answered_from_its_journal(make, monkeypatch):
    run = make()
    answers = [run.evaluate(arch) for arch in ARCHS[:3]]
    resumed = make()
    monkeypatch.setattr(type(resumed._measure), "__call__", None)  # nothing is trained again
    assert [resumed.evaluate(arch) for arch in ARCHS[:3]] == answers
    assert resumed.left == 1
    assert resumed.outcome() == run.outcome()


def test_incumbents_are_the_best_so_far_at_the_highest_fidelity(make):
    run = make()
    low = Fidelity(1, samples=1 / 4)
    assert max(run.evaluate(arch, low) for arch in ARCHS[:4]) >= 0
    values = {ARCHS[i]: run.evaluate(ARCHS[i]) for i in (4, 5)}
    *_, last = run.outcome()["result"]["incumbents"]
    assert last == SPACE.text(max(values, key=values.get))
    assert run.curves.columns()["validation"][-1] == max(values.values())


def test_scores_are_those_of_fresh_networks(make):
    run = make()
    before = torch.get_rng_state()
    network = run.network(ARCHS[0])
    assert run.score("params", ARCHS[0]) == sum(p.numel() for p in network.parameters())
    assert torch.equal(torch.get_rng_state(), before)
    assert run.outcome()["result"]["scores"] == 1
    with pytest.raises(RuntimeError, match="asks for proxy synflow, which its proxies"):
        run.score("synflow", ARCHS[0])


def test_costs_are_those_of_the_record(make):
    run = make()
    assert run.cost("parameters", ARCHS[0]) < run.cost("macs", ARCHS[0])
    with pytest.raises(UserError, match="macs and parameters, not 'latency'"):
        run.cost("latency", ARCHS[0])
