"""Random search with weight sharing: how it samples, its rounds, and whom it chooses."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import product

import torch
from scipy.stats import chisquare

from methods.parts.paths import path_accuracy
from methods.random_paths import RandomPaths
from tests.reference.toy import Toy, WithoutSupernet, toy_run

QUICK = RandomPaths(round_steps=6, samples=5, sample_batches=2)  # two epochs of a toy run are one round


def paths_of(run):
    """The paths that the supernet has computed, one architecture for each forward pass."""
    used = [place for (place,) in run.net.used]
    return list(zip(used[::3], used[1::3], used[2::3]))


def test_every_batch_trains_one_uniform_architecture():
    run = toy_run(epochs=60)
    QUICK.search(run)
    trained = Counter(paths_of(run)[: 60 * 3])
    assert len(trained) == 24
    assert chisquare([trained[arch] for arch in trained]).pvalue > 1e-3


def test_rounds_are_the_published_ones():
    """300 epochs of 25,000 images in batches of 64 are 117,187 steps: 11 rounds of 1,000 architectures. A shorter
    training than 10,000 steps has one round, with an architecture for every ten steps."""
    assert RandomPaths().rounds(300 * 25_000 // 64) == (11, 1000)
    assert RandomPaths().rounds(10_000) == RandomPaths().rounds(19_999) == (1, 1000)
    assert RandomPaths().rounds(320) == (1, 32)


def test_a_round_samples_on_some_batches_and_compares_the_best_on_all():
    run = toy_run(epochs=2, candidates=2)
    QUICK.search(run)
    assert run.seen == 6 * ["train"] + 5 * 2 * ["val"] + 2 * 3 * ["val"]
    two = toy_run(epochs=4, candidates=2)
    QUICK.search(two)
    assert two.seen == 12 * ["train"] + 2 * (5 * 2 * ["val"]) + 4 * 3 * ["val"]
    short = toy_run(epochs=1, candidates=4)  # 5 * 3 // 6 architectures are fewer than the candidates
    QUICK.search(short)
    assert short.seen == 3 * ["train"] + 4 * 2 * ["val"] + 4 * 3 * ["val"]


def test_the_best_of_the_finalists_wins():
    """Every architecture is drawn and measured on the whole half, so the best of all 24 must be found."""
    run = toy_run(epochs=4, candidates=3)
    found = RandomPaths(lr=0.1, round_steps=12, samples=150, sample_batches=3).search(run)
    accuracies = {arch: path_accuracy(run, run.net, arch) for arch in product(range(2), range(3), range(4))}
    assert accuracies[found] == max(accuracies.values()) > min(accuracies.values())


def test_same_seed_same_architecture_and_global_generator_unused():
    state = torch.get_rng_state()
    runs = [toy_run(seed=seed) for seed in (0, 0, 1)]
    found = [QUICK.search(run) for run in runs]
    assert found[0] == found[1] and Toy().valid(found[0])
    assert runs[0].curve == runs[1].curve != runs[2].curve
    assert torch.equal(state, torch.get_rng_state())
    assert set(runs[0].state) == {"supernet", "optimizer"}


def test_shared_weights_learn():
    run = toy_run(epochs=40)
    replace(QUICK, lr=0.1).search(run)
    assert run.curve[-1]["train_loss"] < 0.7 * run.curve[0]["train_loss"]
    assert run.curve[0]["lr"] == 0.1 > run.curve[20]["lr"] == (0.1 + 0.001) / 2


def test_unsupported_spaces_get_a_reason():
    assert RandomPaths().unsupported(Toy()) is None
    assert "no supernet" in RandomPaths().unsupported(WithoutSupernet())
