"""GDAS: its steps by hand on a tiny supernet, their order, and its search."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from methods.gdas import Gdas
from methods.parts.bilevel import architecture_step
from methods.parts.gumbel import Theta
from protocols.parts.optimizers import Adam
from tests.reference.toy import Toy, WithoutSupernet, toy_run


def test_architecture_step_by_hand():
    """The gradient is dL/dw of the sampled candidate times its p_c (1[j = c] - p_j) / tau, although the supernet
    computes all candidates; the step is Adam's first, which has the length alpha_lr."""
    run, tau = toy_run(), 2.0
    supernet, batch = run.supernet(), run.batch("val")
    start = torch.randn(9, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    alphas = Theta(supernet.shape, start.clone())
    soft = alphas.relaxed(tau, torch.Generator().manual_seed(5))
    mix = [F.one_hot(p.argmax(), len(p)).double().requires_grad_() for p in soft]
    cross_entropy = F.cross_entropy(supernet(batch[0], mix), batch[1])
    slopes = torch.autograd.grad(cross_entropy, mix)
    by_hand = []
    for p, slope in zip(soft, slopes):
        c = int(p.argmax())
        by_hand.append(slope[c] * p[c] * (torch.eye(len(p), dtype=p.dtype)[c] - p) / tau)
    optimizer = Adam(alphas.parameters(), 0.1, (0.5, 0.999))
    sampled = alphas.one_hot(tau, torch.Generator().manual_seed(5))
    loss, _ = architecture_step(supernet, optimizer, sampled, batch)
    assert loss == pytest.approx(cross_entropy.item(), rel=1e-12)
    torch.testing.assert_close(alphas.logits.grad, torch.cat(by_hand).detach())
    torch.testing.assert_close(alphas.logits.detach(), start - 0.1 * alphas.logits.grad.sign(), rtol=0, atol=1e-4)
    assert all(w.grad is None and w.requires_grad for w in supernet.parameters())


def test_weight_step_comes_first_and_computes_one_candidate_per_place():
    run = toy_run(epochs=1)
    Gdas().search(run)
    steps = [run.net.used[i : i + 6] for i in range(0, len(run.net.used), 6)]
    assert len(steps) == 3
    for step in steps:
        assert [len(candidates) for candidates in step] == [1, 1, 1, 2, 3, 4]  # the mixed step follows the path
    assert run.seen == 3 * ["train", "val"]


def test_temperatures_of_a_search():
    run = toy_run(epochs=4)
    Gdas().search(run)
    assert [epoch["temperature"] for epoch in run.curve] == pytest.approx([10, 6.7, 3.4, 0.1])


def test_search_finds_the_planted_candidates():
    """The weights stay as they are: candidate 1 of every place helps, the others do nothing."""
    run = toy_run(epochs=20)
    run.plant()
    assert Gdas(lr=0.0, lr_min=0.0, alpha_lr=0.1, temperature=2.0).search(run) == (1, 1, 1)
    assert run.curve[-1]["alpha_entropy"] < 0.5 < 0.9 < run.curve[0]["alpha_entropy"]


def test_same_seed_same_architecture_and_global_generator_unused():
    state = torch.get_rng_state()
    runs = [toy_run(seed=seed) for seed in (0, 0, 1)]
    found = [Gdas(alpha_lr=0.1).search(run) for run in runs]
    assert found[0] == found[1] and Toy().valid(found[0])
    assert runs[0].curve == runs[1].curve != runs[2].curve
    assert torch.equal(state, torch.get_rng_state())
    assert set(runs[0].state) == {"supernet", "alphas", "weight_optimizer", "alpha_optimizer"}
    uniform = sum(map(math.log, (2, 3, 4))) / 3
    assert runs[0].curve[0]["alpha_entropy"] == pytest.approx(uniform, abs=0.1)


def test_shared_weights_learn():
    run = toy_run(epochs=25)
    Gdas(lr=0.1).search(run)
    assert run.curve[-1]["train_loss"] < 0.7 * run.curve[0]["train_loss"]


def test_unsupported_spaces_get_a_reason():
    assert Gdas().unsupported(Toy()) is None
    assert "no supernet" in Gdas().unsupported(WithoutSupernet())
