"""CNAS: its stages, its controller with closed operations, its loss by hand, and its search."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from methods.cnas import Cnas
from methods.parts.controller import Controller, Reinforce
from protocols.base import Budget
from spaces.base import Size
from spaces.darts.space import Darts
from spaces.enas.space import Enas as EnasSpace
from tests.reference.run import TinyRun, random_images

ORDER = [0, 3, 1, 4, 2]
SIZE = Size(channels=2, cells=1, classes=3, image=4)
QUICK = replace(Cnas(), units=8)


def tiny_run(epochs: int, seed: int = 0) -> TinyRun:
    return TinyRun(EnasSpace(), SIZE, Budget(epochs=epochs, batch=8, candidates=3), random_images(SIZE, 16), seed)


def test_stages_are_the_published_ones():
    """Of 60 epochs of a stage the first 20 are warm-up; every stage brings one operation."""
    found = [Cnas().stage(ORDER, epoch, 300) for epoch in range(300)]
    for stage in range(5):
        epochs = found[60 * stage : 60 * stage + 60]
        assert all(operations == ORDER[: stage + 1] for operations, _ in epochs)
        assert [warmup for _, warmup in epochs] == 20 * [True] + 40 * [False]


@pytest.mark.parametrize("epochs", [1, 2, 5, 7, 16])
def test_short_searches_end_with_all_operations_and_a_trained_controller(epochs):
    found = [Cnas().stage(ORDER, epoch, epochs) for epoch in range(epochs)]
    numbers = [len(operations) for operations, _ in found]
    assert numbers == sorted(numbers) and numbers[-1] == 5
    assert len(set(numbers)) == min(epochs, 5)
    assert not found[-1][1]


def controller_with(operations: list[int]) -> Controller:
    controller = Controller(1, 5, 8, 1.0, None, generator=torch.Generator().manual_seed(0)).double()
    controller.open_only(operations)
    return controller


def test_closed_operations_are_never_drawn_and_opened_ones_are():
    controller, generator = controller_with([0, 3]), torch.Generator().manual_seed(1)
    drawn = controller.sample(200, generator)
    assert {operation for arch in drawn for operation in arch[1::2]} == {0, 3}
    log_probability, entropy = controller.score(drawn[:1])
    assert torch.isfinite(log_probability).all()
    # Small initial weights: 4 inputs of 2 states and 4 operations of 2, all close to uniform.
    assert entropy.item() == pytest.approx(8 * math.log(2), rel=1e-3)
    controller.open_only(range(5))
    assert {operation for arch in controller.sample(200, generator) for operation in arch[1::2]} == set(range(5))
    assert controller.score(drawn[:1])[1].item() == pytest.approx(4 * math.log(2) + 4 * math.log(5), rel=1e-3)


def test_logits_are_plain():
    """Without a tanh a large logit decides; ENAS' bounded logits would leave the others a chance."""
    controller = controller_with(list(range(5)))
    with torch.no_grad():
        controller.bias.copy_(torch.tensor([0.0, 0.0, 20.0, 0.0, 0.0]))
    assert {k for arch in controller.sample(100, torch.Generator().manual_seed(0)) for k in arch[1::2]} == {2}


def test_entropy_is_learnt_by_gradient_and_is_no_reward():
    """By hand: the gradient of -log p (reward - baseline) - weight * entropy. The first reward is the baseline, so
    only the entropy is left of it."""
    controller = controller_with([0, 1, 2])
    with torch.no_grad():
        controller.bias.copy_(torch.tensor([2.0, 0.0, -1.0, 0.0, 0.0]))
    policy = Reinforce(controller, 0.0, 0.99, 0.25, entropy_in_loss=True)
    found = policy.learn(1, lambda arch: 0.6, torch.Generator().manual_seed(2))
    assert found["reward"] == policy.baseline == 0.6
    gradients = [w.grad.clone() for w in controller.parameters()]
    archs, _, entropy = controller.draw(1, torch.Generator().manual_seed(2))
    for ours, exact in zip(gradients, torch.autograd.grad(entropy.sum(), list(controller.parameters()))):
        torch.testing.assert_close(ours, -0.25 * exact)
    assert controller.bias.grad[:3].abs().min() > 0
    found = policy.learn(1, lambda arch: 1.0, torch.Generator().manual_seed(2))
    assert policy.baseline == pytest.approx(0.6 + 0.01 * 0.4)  # moved before it is compared
    log_probability, entropy = controller.score(archs)
    loss = -log_probability * (1.0 - policy.baseline) - 0.25 * entropy
    (exact,) = torch.autograd.grad(loss.sum(), [controller.bias])
    torch.testing.assert_close(controller.bias.grad, exact)


def test_gradients_of_the_controller_are_clipped():
    policy = Reinforce(controller_with([0, 1]), 0.1, 0.99, 1e6, entropy_in_loss=True, clip=5.0)
    policy.learn(1, lambda arch: 0.5, torch.Generator().manual_seed(0))
    norm = torch.cat([w.grad.flatten() for w in policy.controller.parameters()]).norm()
    assert norm.item() == pytest.approx(5)


def test_search_grows_the_space_and_alternates():
    run = tiny_run(epochs=10)
    trained = []
    original = run.supernet()
    path = original.path
    original.path = lambda arch: trained.append(arch) or path(arch)
    run.supernet = lambda: original
    arch = replace(QUICK, warmup_epochs=30).search(run)  # of two epochs of a stage one
    assert EnasSpace().valid(arch)
    assert [epoch["operations"] for epoch in run.curve] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert ["reward" in epoch for epoch in run.curve] == 5 * [False, True]
    # Per stage: two batches of warm-up, two of the controller's paths, two updates. Then 3 candidates on 2 batches.
    assert run.seen == 5 * (4 * ["train"] + 2 * ["val"]) + 6 * ["val"]
    assert len(trained) == 5 * 6 + 3
    used = [{k for arch in trained[: 6 * stage] for k in arch[1::2]} for stage in range(1, 6)]
    assert used[0] == {0}
    assert [len(operations) for operations in used] == [1, 2, 3, 4, 5]


def test_same_seed_same_architecture_and_global_generator_unused():
    state = torch.get_rng_state()
    runs = [tiny_run(2, seed) for seed in (0, 0, 1)]
    found = [QUICK.search(run) for run in runs]
    assert found[0] == found[1] != found[2]
    assert runs[0].curve == runs[1].curve
    assert torch.equal(state, torch.get_rng_state())
    assert set(runs[0].state) == {"supernet", "optimizer", "policy"}


def test_unsupported_spaces_get_a_reason():
    assert Cnas().unsupported(EnasSpace()) is None
    assert "two inputs" in Cnas().unsupported(Darts())
