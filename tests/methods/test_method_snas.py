"""SNAS: one step by hand on a tiny supernet, its cost term, and its search."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from methods.parts.gumbel import Theta
from methods.snas import Snas
from protocols.parts.optimizers import SGD
from spaces.base import UserError
from tests.reference.toy import SIZE, Toy, WithoutCosts, WithoutSupernet, toy_run

COSTS = 1.0, Toy().costs(SIZE, "macs")[1]
TEMPERATURE = 0.6


@pytest.mark.parametrize("weight", [0.0, 1e-3])
def test_a_step_by_hand(weight):
    """Weights and alpha take the gradient of one loss on one batch. With plain SGD of rate 1 the steps are the
    gradients: for alpha z_j (c_j - sum_k z_k c_k) / temperature, c = dL/dz + cost_weight * the candidate's cost."""
    run = toy_run()
    supernet, batch = run.supernet(), run.batch("train")
    alphas = Theta(supernet.shape, torch.randn(9, generator=torch.Generator().manual_seed(1), dtype=torch.float64))
    z = alphas.relaxed(TEMPERATURE, torch.Generator().manual_seed(4))
    free = [row.detach().requires_grad_() for row in z]
    cross_entropy = F.cross_entropy(supernet(batch[0], free), batch[1])
    weights = list(supernet.parameters())
    slopes = torch.autograd.grad(cross_entropy, [*free, *weights])
    by_hand = []
    for row, slope, costs in zip(free, slopes, COSTS[1]):
        credit = slope + weight * torch.tensor(costs, dtype=torch.float64)
        by_hand.append(row * (credit - row @ credit) / TEMPERATURE)
    expected = [w - slope for w, slope in zip(weights, slopes[3:])]
    start = alphas.logits.detach().clone()
    optimizers = SGD(weights, 1.0), SGD(alphas.parameters(), 1.0)
    found = Snas(cost_weight=weight, clip=1e9).step(supernet, optimizers, z, batch, COSTS if weight else None)
    assert found["train_loss"] == pytest.approx(cross_entropy.item(), rel=1e-12)
    torch.testing.assert_close(start - alphas.logits.detach(), torch.cat(by_hand).detach())
    for w, moved in zip(weights, expected):
        torch.testing.assert_close(w.detach(), moved.detach())
    if weight:
        costs = [float((row @ row.new_tensor(c)).detach()) for row, c in zip(free, COSTS[1])]
        assert found["cost"] == pytest.approx(1 + sum(costs))


def test_only_the_training_half_is_used_and_one_sample_a_step():
    run = toy_run(epochs=3)
    Snas().search(run)
    assert run.seen == 9 * ["train"]
    assert len(run.net.used) == 9 * 3
    assert [epoch["temperature"] for epoch in run.curve] == pytest.approx([1, 0.515, 0.03])


def test_alphas_start_at_the_published_values():
    run = toy_run(epochs=1)
    Snas(alpha_lr=0.0).search(run)
    logits = run.state["alphas"].logits
    assert logits.mean().item() == pytest.approx(1, abs=0.02)
    assert 0.003 < logits.std().item() < 0.03


def test_search_finds_the_planted_candidates():
    run = toy_run(epochs=20)
    run.plant()
    assert Snas(lr=0.0, lr_min=0.0, alpha_lr=0.1).search(run) == (1, 1, 1)
    assert run.curve[-1]["alpha_entropy"] < 0.6 < 0.9 < run.curve[0]["alpha_entropy"]


def test_a_large_cost_weight_leads_to_the_cheapest_architecture():
    run = toy_run(epochs=20)
    run.plant()
    assert Snas(lr=0.0, lr_min=0.0, alpha_lr=0.1, cost_weight=10.0).search(run) == (0, 0, 0)
    assert run.curve[-1]["cost"] < 1.1 < 2 < run.curve[0]["cost"]


def test_same_seed_same_architecture_and_global_generator_unused():
    state = torch.get_rng_state()
    runs = [toy_run(seed=seed) for seed in (0, 0, 1)]
    found = [Snas(alpha_lr=0.1).search(run) for run in runs]
    assert found[0] == found[1] and Toy().valid(found[0])
    assert runs[0].curve == runs[1].curve != runs[2].curve
    assert torch.equal(state, torch.get_rng_state())
    assert set(runs[0].state) == {"supernet", "alphas", "weight_optimizer", "alpha_optimizer"}


def test_unsupported_spaces_and_wrong_fields_get_a_reason():
    assert Snas(cost_weight=0.1).unsupported(Toy()) is None
    assert "no supernet" in Snas().unsupported(WithoutSupernet())
    assert Snas().unsupported(WithoutCosts()) is None
    assert "sum over decisions" in Snas(cost_weight=0.1).unsupported(WithoutCosts())
    with pytest.raises(UserError, match="snas: unknown cost 'latency'; use macs or parameters"):
        Snas(cost="latency")
