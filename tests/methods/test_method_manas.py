"""MANAS-style: its bandits by hand and against their bound, and its search."""

from __future__ import annotations

import math
import random
from itertools import product

import pytest
import torch
from scipy.stats import chisquare

from methods.manas import Manas
from methods.parts.bandits import Agents, exploration
from methods.parts.paths import path_accuracy
from spaces.base import UserError
from tests.reference.toy import Toy, WithoutSupernet, toy_run


def test_exploration_is_that_of_the_corollary():
    assert exploration(8, 100) == pytest.approx(math.sqrt(8 * math.log(8) / (1.718281828 * 100)))
    assert exploration(8, 100) == pytest.approx(0.3112, abs=1e-4)
    assert exploration(8, 4) == 1
    assert exploration(1, 4) == 0


def test_two_updates_by_hand():
    agents, g = Agents((2, 3), 1000), exploration(2, 1000)
    assert [p.tolist() for p in agents.probabilities()] == [[0.5, 0.5], pytest.approx([1 / 3] * 3)]
    agents.learn([1, 0], 0.8)
    score = g / 2 * 0.8 / 0.5
    assert agents.scores[0].tolist() == pytest.approx([0, score])
    p = (1 - g) * math.exp(score) / (1 + math.exp(score)) + g / 2
    assert agents.probabilities()[0][1].item() == pytest.approx(p)
    agents.learn([1, 0], 0.3)
    assert agents.scores[0].tolist() == pytest.approx([0, score + g / 2 * 0.3 / p])


def test_draws_follow_the_probabilities():
    agents, generator = Agents((4,), 100), torch.Generator().manual_seed(0)
    agents.scores[0] += torch.tensor([0.0, 1.0, -1.0, 2.0])
    drawn = torch.tensor([agents.draw(generator) for _ in range(2000)]).flatten()
    assert chisquare(drawn.bincount(minlength=4), 2000 * agents.probabilities()[0]).pvalue > 1e-3
    assert agents.probabilities()[0].min() > exploration(4, 100) / 4


@pytest.mark.parametrize("seed", range(3))
def test_regret_stays_below_the_bound(seed):
    """Four arms whose gains are 1 with the probabilities below, 400 steps: uniform draws lose 0.75 * 0.9 * 400."""
    steps, chances, rng = 400, (0.05, 0.05, 0.95, 0.05), random.Random(seed)
    agents, generator = Agents((4,), steps), torch.Generator().manual_seed(seed)
    total = 0.0
    for _ in range(steps):
        (k,) = agents.draw(generator)
        gain = float(rng.random() < chances[k])
        agents.learn([k], gain)
        total += gain
    bound = 2 * math.sqrt(math.e - 1) * math.sqrt(steps * 4 * math.log(4))
    assert 0.95 * steps - total < bound < 0.75 * 0.9 * steps
    assert int(agents.probabilities()[0].argmax()) == 2


def test_least_squares_gives_every_candidate_its_share():
    """Planted: the gain is a sum of terms. By hand, scores within a place differ by draws * g / K * difference."""
    terms = [0.0, 0.2], [0.1, 0.0, 0.3], [0.05, 0.1, 0.0, 0.3]
    archs = list(product(range(2), range(3), range(4)))
    agents = Agents((2, 3, 4), 24)
    agents.explain([(arch, 0.1 + sum(row[k] for row, k in zip(terms, arch))) for arch in archs])
    for g, scores, row in zip(agents.rates, agents.scores, terms):
        expected = [24 * g / len(row) * (term - row[0]) for term in row]
        assert (scores - scores[0]).tolist() == pytest.approx(expected)


@pytest.mark.parametrize(("credit", "epochs"), [("exp3", 60), ("least_squares", 30)])
def test_search_finds_the_planted_architecture(credit, epochs):
    """Only the path (1, 2, 3) is always right, the mean one half of the time; the weights stay as they are."""
    run = toy_run(epochs=epochs, seed=3)
    run.answer((1, 2, 3))
    net = run.supernet()
    assert Manas(credit, lr=0.0, lr_min=0.0).search(run) == (1, 2, 3)
    accuracies = [path_accuracy(run, net, arch) for arch in product(range(2), range(3), range(4))]
    assert sum(accuracies) / 24 < 0.55 and sorted(accuracies)[-2] < 1
    assert run.curve[-1]["entropy"] < run.curve[0]["entropy"]


def test_steps_compute_one_path_and_measure_it_on_one_batch():
    run = toy_run(epochs=2)
    Manas().search(run)
    assert run.seen == 6 * ["train", "val"]
    used = run.net.used
    assert all(len(candidates) == 1 for candidates in used)
    for i in range(0, len(used), 6):
        assert used[i : i + 3] == used[i + 3 : i + 6]
    assert set(run.state) == {"supernet", "agents", "optimizer"}


def test_same_seed_same_architecture_and_global_generator_unused():
    state = torch.get_rng_state()
    runs = [toy_run(seed=seed) for seed in (0, 0, 1)]
    found = [Manas().search(run) for run in runs]
    assert found[0] == found[1] and Toy().valid(found[0])
    assert runs[0].curve == runs[1].curve != runs[2].curve
    assert torch.equal(state, torch.get_rng_state())


def test_unsupported_spaces_and_wrong_fields_get_a_reason():
    assert Manas().unsupported(Toy()) is None
    assert "no supernet" in Manas().unsupported(WithoutSupernet())
    with pytest.raises(UserError, match="credit is 'ucb'; it must be exp3 or least_squares"):
        Manas(credit="ucb")
