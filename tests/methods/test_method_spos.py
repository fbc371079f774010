"""SPOS: its training, and its evolution against planted optima and limits."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from harness.plan import registry
from methods.parts.bilevel import weight_step
from methods.parts.paths import path_accuracy
from methods.parts.queries import Limit
from methods.spos import Spos, crossed
from protocols.parts.optimizers import SGD
from spaces.base import Size, UserError
from spaces.darts.space import Darts
from tests.reference.toy import Toy, WithoutCosts, WithoutSupernet, toy_run

QUICK = Spos(population=6, generations=3, parents=2, mutants=2, crossovers=2)


def test_evolution_finds_a_planted_architecture_that_random_search_does_not():
    """The fitness counts decisions as planted, 24 in the space of DARTS."""
    space, planted, asked = Darts(), Darts().sample(random.Random(7)), []

    def fitness(arch):
        asked.append(arch)
        return sum(a == b for a, b in zip(arch, planted)) / len(planted)

    best = fitness(Spos().evolve(space, random.Random(0), fitness))
    assert best > 0.8
    assert 900 < len(asked) - 1 <= 1000  # the last was asked above
    assert len(set(asked)) == len(asked) - 1  # no architecture is measured twice
    drawn = random.Random(1)
    assert max(fitness(space.sample(drawn)) for _ in range(1000)) < 0.6


def test_the_numbers_of_a_generation():
    """The first population is random. Later ones are mutants of the best, crossovers of the best, and random ones."""
    space, asked = Darts(), []

    def fitness(arch):
        asked.append(arch)
        return -len(asked)  # the first are the fittest

    Spos(generations=2, parents=1).evolve(space, random.Random(0), fitness)
    assert len(asked) == 100  # 25 mutants and, as crossovers of one parent are itself, 25 random ones
    same = [sum(a == b for a, b in zip(arch, asked[0])) for arch in asked[50:]]
    assert min(same[:25]) > 12 > max(same[25:])
    asked.clear()
    Spos(generations=2, parents=2, mutants=0).evolve(space, random.Random(0), fitness)
    parents = asked[:2]
    for arch in asked[50:75]:
        assert all(gene in genes for gene, *genes in zip(arch, *parents))
    assert len(asked) == 100
    assert not all(gene in genes for gene, *genes in zip(asked[99], *parents))


def test_mutation_and_crossover_by_decision():
    """A decision of K options changes with the probability 0.1 (1 - 1/K); a crossover takes half from each parent."""
    space, rng = Toy(), random.Random(0)
    mutants = [Spos().mutant(space, (0, 0, 0), rng) for _ in range(4000)]
    for decision, options in enumerate(space.choices):
        changed = sum(arch[decision] != 0 for arch in mutants)
        assert changed / 4000 == pytest.approx(0.1 * (1 - 1 / options), abs=0.02)
    children = [crossed((0, 0, 0), (1, 1, 1), rng) for _ in range(800)]
    assert sum(map(sum, children)) / 2400 == pytest.approx(0.5, abs=0.05)
    assert len(set(children)) == 8


def test_the_limit_of_the_cost_holds_for_all_that_is_measured():
    """Toy architectures cost a thousand, and a thousand times the sum of their options."""
    run, measured = toy_run(), {}

    def fitness(arch):
        measured[arch] = sum(arch)
        return sum(arch)

    assert sum(Spos().evolve(Limit("macs", 4000).space(run), run.rng, fitness)) == 3
    assert set(measured.values()) == {0, 1, 2, 3}
    assert sum(replace(QUICK, limit=Limit("macs", 2000)).search(run)) <= 1
    with pytest.raises(UserError, match="none is within Limit"):
        replace(QUICK, limit=Limit("macs", 500)).search(toy_run())


def test_training_smooths_labels_and_takes_the_published_rate():
    run = toy_run(epochs=4)
    QUICK.search(run)
    assert [epoch["lr"] for epoch in run.curve] == pytest.approx([0.5 * 8 / 1024 * (1 - k / 4) for k in range(4)])
    supernet, (images, labels) = run.supernet(), run.batch("train")
    logs = F.log_softmax(supernet(images, supernet.path((1, 2, 3))), 1)
    by_hand = -(0.9 * logs.gather(1, labels[:, None]).mean() + 0.1 * logs.mean())
    optimizer = SGD(supernet.parameters(), 0.0)
    loss, _ = weight_step(supernet, optimizer, supernet.path((1, 2, 3)), (images, labels), None, 0.1)
    assert loss == pytest.approx(by_hand.item())


def test_search_measures_paths_on_the_whole_validation_half():
    state = torch.get_rng_state()
    runs = [toy_run(epochs=3, seed=seed) for seed in (0, 0, 1)]
    found = [Spos(lr=20.0).search(run) for run in runs]
    assert found[0] == found[1]
    assert runs[0].curve == runs[1].curve != runs[2].curve
    assert torch.equal(state, torch.get_rng_state())
    run = runs[0]
    assert run.seen == 9 * ["train"] + 24 * 3 * ["val"]  # all 24 architectures once
    accuracies = {arch: path_accuracy(run, run.net, arch) for arch in product(range(2), range(3), range(4))}
    assert accuracies[found[0]] == max(accuracies.values()) > min(accuracies.values())
    assert all(len(candidates) == 1 for candidates in run.net.used)


@pytest.mark.parametrize("name", registry.names("spaces"))
def test_supernets_have_no_running_averages_to_recalibrate(name):
    with torch.random.fork_rng(devices=[]):
        supernet = registry.space(name).supernet(Size(channels=2, cells=1, classes=2, image=4))
    norms = [module for module in supernet.modules() if isinstance(module, nn.BatchNorm2d)]
    assert norms and all(norm.running_mean is None for norm in norms)


def test_unsupported_spaces_get_a_reason():
    assert Spos(limit=Limit("macs", 1)).unsupported(WithoutCosts()) is None
    assert "no supernet" in Spos().unsupported(WithoutSupernet())
