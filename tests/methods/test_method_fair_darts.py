"""FairDARTS: its losses by hand, candidates that do not compete, and its search."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from methods.fair_darts import FairDarts, zero_one_loss
from spaces.base import Size
from spaces.darts.space import Darts
from spaces.enas.space import Enas
from tests.reference.run import random_images
from tests.reference.toy import DoubleRun, Toy, WithoutSupernet, toy_run

FIXED = FairDarts(lr=0.0, lr_min=0.0)
"""Its weights do not move."""


def test_zero_one_loss_by_hand():
    """-mean (0.4^2, 0, 0.5^2, 0.2^2) over all candidates of all places, not place by place."""
    gates = [torch.tensor([0.9]), torch.tensor([0.5, 0.0, 0.3])]
    assert zero_one_loss(gates).item() == pytest.approx(-(0.16 + 0.25 + 0.04) / 4)
    assert zero_one_loss([torch.tensor([0.0, 1.0, 1.0])]) == -0.25


def test_weights_start_at_one_half():
    run = toy_run(epochs=1)
    FairDarts(alpha_lr=0.0).search(run)
    assert not run.state["alphas"].logits.any()
    assert run.curve[0]["zero_one_loss"] == 0


@pytest.mark.parametrize("alpha", [0.0, 1.5])
def test_architecture_gradient_by_hand(alpha):
    """For each candidate on its own: s (1 - s) (dL/ds - 2 weight (s - 0.5) / 9), s its sigmoid, 9 their number."""
    run = toy_run(epochs=1, images=8)  # one step
    logits = torch.linspace(-alpha, alpha, 9, dtype=torch.float64)
    seen = {}

    def epochs(alphas, alpha_optimizer, **state):
        alphas.double().logits.data.copy_(logits)
        seen.update(alphas=alphas)
        yield from DoubleRun.epochs(run, alphas=alphas, alpha_optimizer=alpha_optimizer, **state)

    run.epochs = epochs
    replace(FIXED, alpha_lr=0.0).search(run)
    images, labels = run.splits["val"]
    gates = [row.sigmoid().requires_grad_() for row in logits.split((2, 3, 4))]
    slopes = torch.autograd.grad(F.cross_entropy(run.net(images, gates), labels), gates)
    s = torch.cat(gates).detach()
    by_hand = s * (1 - s) * (torch.cat(slopes) - 10 * 2 * (s - 0.5) / 9)
    torch.testing.assert_close(seen["alphas"].logits.grad, by_hand)


def test_candidates_do_not_compete():
    """Planted: candidate 1 of every place helps and goes to 1; the others compute nothing and stay where they are."""
    run = toy_run(epochs=20)
    run.plant()
    assert replace(FIXED, alpha_lr=0.1).search(run) == (1, 1, 1)
    for row in run.state["alphas"].gates():
        assert row[1] > 0.85
        assert row[[k for k in range(len(row)) if k != 1]].tolist() == pytest.approx((len(row) - 1) * [0.5])


def test_zero_one_loss_drives_weights_to_the_ends():
    found = {}
    for weight in (0.0, 10.0):
        run = toy_run(epochs=20)
        replace(FIXED, alpha_lr=0.05, zero_one_weight=weight).search(run)
        found[weight] = run.curve[-1]["zero_one_loss"]
    assert found[10.0] < 1.4 * found[0.0] < 0


def test_results_are_projected_to_two_edges_per_node():
    size = Size(channels=2, cells=1, classes=3, image=4)
    run = DoubleRun(Darts(), size, replace(toy_run().budget, epochs=1), random_images(size, 8, dtype=torch.float64))
    arch = FairDarts(alpha_lr=0.1).search(run)
    best = run.net.derive(run.state["alphas"].gates())
    assert arch == best and Darts().valid(arch)
    none = torch.stack(run.state["alphas"].gates())[:, 0]  # computes zeros: only weight decay could move it
    assert none.tolist() == 28 * [0.5]


def test_same_seed_same_architecture_and_global_generator_unused():
    state = torch.get_rng_state()
    runs = [toy_run(seed=seed) for seed in (0, 0, 1)]
    found = [FairDarts(alpha_lr=0.1).search(run) for run in runs]
    assert found[0] == found[1] and Toy().valid(found[0])
    assert runs[0].curve == runs[1].curve != runs[2].curve
    assert torch.equal(state, torch.get_rng_state())
    assert set(runs[0].state) == {"supernet", "alphas", "weight_optimizer", "alpha_optimizer"}
    assert [len(used) for used in runs[0].net.used[:6]] == [2, 3, 4, 2, 3, 4]  # all candidates in both steps
    assert runs[0].seen == 6 * ["train", "val"]


def test_unsupported_spaces_get_a_reason():
    assert FairDarts().unsupported(Toy()) is None
    assert "no supernet" in FairDarts().unsupported(WithoutSupernet())
    assert "probabilities" in FairDarts().unsupported(Enas())
