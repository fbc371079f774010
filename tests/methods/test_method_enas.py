"""The ENAS controller against enumeration, analytic gradients and a planted optimum; the search on a tiny problem."""

from __future__ import annotations

import copy
import itertools
import math
import random
from dataclasses import replace

import pytest
import torch

from methods.enas import Enas
from methods.parts.controller import Controller, Reinforce, surrogate
from protocols.base import Budget
from spaces.base import Size
from spaces.darts.space import Darts
from spaces.enas.space import Enas as EnasSpace
from tests.reference.run import TinyRun, random_images

BLOCK = (2, 2, 2, 2)  # one block, two operations: two cells make 256 architectures
EVERY = list(itertools.product(*(range(options) for options in 2 * BLOCK)))


def tiny_controller(seed: int = 0, **fields) -> Controller:
    """A controller whose policy is far from uniform, so that errors show."""
    controller = Controller(1, 2, units=8, **fields, generator=torch.Generator().manual_seed(seed)).double()
    with torch.no_grad():
        for weight in controller.parameters():
            weight.mul_(20)
    return controller


@pytest.mark.parametrize("fields", [{}, {"prior": True}, {"temperature": 1.0, "tanh": 1.1}])
def test_probabilities_of_all_architectures_sum_to_one(fields: dict):
    log_probability, entropy = tiny_controller(**fields).score(EVERY)
    assert log_probability.exp().sum().item() == pytest.approx(1, abs=1e-12)
    assert log_probability.exp().std() > 1e-4
    # By the chain rule, the mean of the architectures' entropies is the entropy of the policy.
    exact = -(log_probability.exp() * log_probability).sum()
    assert (log_probability.exp() * entropy).sum().item() == pytest.approx(exact.item(), rel=1e-12)


def test_two_blocks_read_earlier_ones_and_sum_to_one():
    controller = Controller(2, 1, units=8, generator=torch.Generator().manual_seed(0)).double()
    archs = list(itertools.product(*(range(n) for n in 2 * (2, 1, 2, 1, 3, 1, 3, 1))))
    assert controller.score(archs)[0].exp().sum().item() == pytest.approx(1, abs=1e-12)


def test_samples_follow_the_probabilities():
    controller, generator = tiny_controller(), torch.Generator().manual_seed(1)
    archs = controller.sample(20000, generator)
    probability = dict(zip(EVERY, controller.score(EVERY)[0].exp().tolist()))
    chi_square = sum((archs.count(arch) - 20000 * p) ** 2 / (20000 * p) for arch, p in probability.items())
    assert abs(chi_square - 255) < 5 * math.sqrt(2 * 255)


def test_drawn_architectures_score_as_drawn_and_fit_the_space():
    controller = Controller(5, 5, generator=torch.Generator().manual_seed(0))
    archs, log_probability, entropy = controller.draw(6, torch.Generator().manual_seed(1))
    assert all(EnasSpace().valid(arch) for arch in archs)
    assert len(set(archs)) == 6
    again, open_still = controller.score(archs)
    torch.testing.assert_close(log_probability, again)
    torch.testing.assert_close(entropy, open_still)
    most = sum(math.log(options) for options in EnasSpace().choices)
    assert 0.99 * most < entropy.mean() <= most  # small initial weights: close to uniform


def test_logits_are_bounded_and_the_prior_prefers_convolutions():
    paper = Controller(5, 5, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        paper.to_operation.mul_(1e4)
    operations = [arch[1::2] for arch in paper.sample(400, torch.Generator().manual_seed(0))]
    shares = torch.bincount(torch.tensor(operations).flatten(), minlength=5) / 8000
    assert shares.max() < math.e / (math.e + 4 / math.e) + 0.02
    assert shares.min() > 0.01
    prior = Controller(5, 5, prior=True, generator=torch.Generator().manual_seed(0))
    normal = [arch[1:20:2] for arch in prior.sample(400, torch.Generator().manual_seed(0))]
    reduce = [arch[21::2] for arch in prior.sample(400, torch.Generator().manual_seed(0))]
    likes = [sum(o < 2 for cell in cells for o in cell) / 4000 for cells in (normal, reduce)]
    # exp(tanh(10 / 5) + 0.25) against exp(-0.25); the reduction cell has no constant of +-0.25
    for like, shift in zip(likes, (0.5, 0)):
        convolutions = 2 * math.exp(math.tanh(2) + shift)
        assert like == pytest.approx(convolutions / (convolutions + 3), abs=0.03)


def test_policy_gradient_equals_the_analytic_one():
    controller = tiny_controller()
    rng = random.Random(0)
    rewards = [rng.random() for _ in EVERY]
    weights = list(controller.parameters())

    def expected_reward() -> torch.Tensor:
        return (controller.score(EVERY)[0].exp() * torch.tensor(rewards, dtype=torch.float64)).sum()

    # REINFORCE on all architectures, weighted by their probabilities; a baseline does not change the expectation.
    log_probability, _ = controller.score(EVERY)
    share = (log_probability.exp().detach() * len(EVERY)).tolist()
    loss = surrogate(log_probability, [p * (reward - 0.37) for p, reward in zip(share, rewards)])
    gradients = torch.autograd.grad(loss, weights, retain_graph=True)
    for ours, exact in zip(gradients, torch.autograd.grad(expected_reward(), weights)):
        torch.testing.assert_close(ours, -exact, rtol=1e-9, atol=1e-12)
    for (name, weight), gradient in zip(controller.named_parameters(), gradients):
        flat, ends = weight.data.view(-1), []
        for shift in (1e-5, -2e-5):
            flat[0] += shift
            ends.append(expected_reward().item())
        flat[0] += 1e-5
        slope = (ends[0] - ends[1]) / 2e-5
        assert gradient.view(-1)[0].item() == pytest.approx(-slope, rel=1e-4, abs=1e-8), name


def test_gradient_of_one_decision_by_hand():
    """With recurrent weights of 0, operations are drawn independently from softmax(c tanh(b / T))."""
    controller = Controller(1, 2, generator=torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        controller.to_operation.zero_()
        controller.bias.copy_(torch.tensor([0.7, -0.4], dtype=torch.float64))
    arch = (0, 0, 1, 1, 1, 0, 0, 0)  # the operations are 0, 1, 0, 0
    loss = surrogate(controller.score([arch])[0], [0.25])
    (gradient,) = torch.autograd.grad(loss, [controller.bias])
    squashed = [math.tanh(b / 5) for b in (0.7, -0.4)]
    total = sum(math.exp(s) for s in squashed)
    for k, taken in enumerate((3, 1)):
        slope = (taken - 4 * math.exp(squashed[k]) / total) * (1 - squashed[k] ** 2) / 5
        assert gradient[k].item() == pytest.approx(-0.25 * slope, rel=1e-12)


def test_reinforce_finds_a_planted_architecture():
    controller, generator = tiny_controller(seed=3), torch.Generator().manual_seed(3)
    planted = (1, 0, 0, 1, 0, 1, 1, 0)
    policy = Reinforce(controller, lr=0.02, decay=0.99, entropy_weight=0.0)
    before, open_before = controller.score([planted])[0].exp().item(), policy_entropy(controller)
    for _ in range(150):
        policy.learn(10, lambda arch: sum(a == b for a, b in zip(arch, planted)) / 8, generator)
    probability = controller.score(EVERY)[0].exp()
    assert EVERY[int(probability.argmax())] == planted
    assert probability.max() > max(10 * before, 0.1)
    assert policy_entropy(controller) < open_before


def policy_entropy(controller: Controller) -> float:
    log_probability = controller.score(EVERY)[0]
    return -(log_probability.exp() * log_probability).sum().item()


def test_baseline_and_entropy_bonus_by_hand():
    policy = Reinforce(tiny_controller(), lr=0.0, decay=0.9, entropy_weight=0.5)
    assert policy._advantages([0.5, 1.0, 0.0]) == pytest.approx([0.0, 0.45, -0.495])
    assert policy.baseline == pytest.approx(0.495)
    generator = torch.Generator().manual_seed(0)
    entropy = policy.controller.draw(2, torch.Generator().manual_seed(0))[2].mean().item()
    assert policy.learn(2, lambda arch: 0.25, generator)["reward"] == pytest.approx(0.25 + 0.5 * entropy)


def test_policy_is_restored_from_its_state():
    trained, fresh = (Reinforce(tiny_controller(seed), 0.01, 0.9, 0.0) for seed in (0, 1))
    generator = torch.Generator().manual_seed(0)
    trained.learn(4, lambda arch: arch[0], generator)
    fresh.load_state_dict(copy.deepcopy(trained.state_dict()))
    results = [policy.learn(4, lambda a: a[0], torch.Generator().manual_seed(1)) for policy in (trained, fresh)]
    assert results[0] == results[1]
    assert trained.baseline == fresh.baseline
    torch.testing.assert_close(trained.controller.score(EVERY)[0], fresh.controller.score(EVERY)[0], rtol=0, atol=0)


def test_learning_rate_restarts_after_ten_then_twenty_epochs():
    rates = [Enas()._learning_rate(epoch, 150) for epoch in range(150)]
    assert [epoch for epoch in range(150) if rates[epoch] == 0.05] == [0, 10, 30, 70]
    assert rates[5] == rates[20] == pytest.approx((0.05 + 5e-4) / 2)
    assert all(a > b for a, b in itertools.pairwise(Enas()._learning_rate(epoch, 4) for epoch in range(4)))


def test_unsupported_spaces_get_a_reason():
    assert Enas().unsupported(EnasSpace()) is None
    assert "two inputs" in Enas().unsupported(Darts())


SIZE = Size(channels=4, cells=2, classes=3, image=8)
QUICK = replace(Enas(), controller_steps=3, samples=3, units=16)


def tiny_run(seed: int, epochs: int = 2) -> TinyRun:
    return TinyRun(EnasSpace(), SIZE, Budget(epochs=epochs, batch=16, candidates=3), random_images(SIZE), seed)


def test_same_seed_same_architecture_and_global_generator_unused():
    state = torch.get_rng_state()
    found = [QUICK.search(tiny_run(seed)) for seed in (0, 0, 1)]
    assert found[0] == found[1] != found[2]
    assert all(map(EnasSpace().valid, found))
    assert torch.equal(state, torch.get_rng_state())


def test_search_alternates_logs_and_chooses_on_the_validation_half():
    run = tiny_run(0)
    QUICK.search(run)
    passes = run.steps("train") * ["train"] + 9 * ["val"]
    assert run.seen == 2 * passes + 3 * run.steps("val") * ["val"]
    for epoch in run.curve:
        assert set(epoch) == {"lr", "train_loss", "train_accuracy", "val_accuracy", "reward", "baseline", "entropy"}
        assert all(math.isfinite(value) for value in epoch.values())
    assert set(run.state) == {"supernet", "optimizer", "policy"}


def test_shared_weights_learn():
    run = tiny_run(0, epochs=8)
    QUICK.search(run)
    assert run.curve[-1]["train_loss"] < 0.7 * run.curve[0]["train_loss"]
    assert run.curve[-1]["reward"] > 0.6 > run.curve[0]["reward"]
