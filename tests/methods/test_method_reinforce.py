"""REINFORCE: the gradient by autograd, the baseline, a planted optimum."""

import random

import numpy as np
import pytest
import torch

from methods.parts.policy import Policy
from tests.methods.planted import table


def test_a_step_is_adam_on_the_gradient_of_autograd():
    """Three steps, with the bias-corrected average of the rewards, the current one included, as baseline."""
    policy = Policy((3, 2), random.Random(0), lr=0.1, decay=0.9)
    logits = [torch.tensor(row[np.isfinite(row)], requires_grad=True) for row in policy.logits]
    adam = torch.optim.Adam(logits, lr=0.1)
    average = 0.0
    for step, (arch, reward) in enumerate([((0, 1), 0.3), ((2, 1), 0.9), ((2, 0), 0.5)], 1):
        average = 0.9 * average + 0.1 * reward
        baseline = average / (1 - 0.9**step)
        log_p = sum(row.log_softmax(0)[option] for row, option in zip(logits, arch))
        adam.zero_grad()
        (-(reward - baseline) * log_p).backward()
        adam.step()
        policy.learn(arch, reward)
        for ours, theirs in zip(policy.logits, logits):
            np.testing.assert_allclose(ours[np.isfinite(ours)], theirs.detach().numpy(), rtol=1e-6, atol=1e-9)
    assert policy.logits[1, 2] == -np.inf and policy.probabilities[1, 2] == 0


def test_samples_follow_the_probabilities():
    policy = Policy((3,), random.Random(1), lr=0.1, decay=0.9)
    policy.logits[0] = np.log([0.2, 0.5, 0.3])
    counts = np.bincount([policy.sample()[0] for _ in range(6000)], minlength=3)
    np.testing.assert_allclose(counts / 6000, [0.2, 0.5, 0.3], atol=0.03)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    value = lambda arch, _: 0.1 + sum(option == 2 for option in arch) / 5  # noqa: E731
    return table(tmp_path_factory.mktemp("planted"), (4, 4, 4, 4), value, cost="proxy_synflow")


def test_it_finds_a_planted_optimum(run):
    for seed in range(3):
        made = run("reinforce", seed, evaluations=120, lr=0.1)
        assert made.method.search(made) == (2, 2, 2, 2)


def test_warm_up_moves_the_first_samples_to_what_the_proxy_likes(run):
    """The proxy grows with the options, so their mean rises."""
    means = {}
    for warmup in (None, {"proxy": "synflow", "pool": 250}):
        made = run("reinforce", evaluations=30, lr=0.05, warmup=warmup)
        made.method.search(made)
        means[warmup is None] = np.mean([arch for arch, _ in made._asked.asked])
    assert means[False] > means[True] + 0.2
