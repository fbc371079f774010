"""Samples of the Gumbel-softmax, soft and hard: values, frequencies and gradients."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import chisquare

from methods.parts.gumbel import Theta, annealed

LOGITS = torch.tensor([0.3, -0.5, 1.2, 0.1, 0.4, -1.0], dtype=torch.float64)
SHAPE = (3, 2, 1)


def theta() -> Theta:
    return Theta(SHAPE, LOGITS.clone())


def samples(kind: str, temperature: float, seed: int = 0) -> list[torch.Tensor]:
    return getattr(theta(), kind)(temperature, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("temperature", [0.1, 10.0])
def test_samples_follow_the_softmax_whatever_the_temperature(temperature):
    """Gumbel-max: the heaviest candidate is k with the probability softmax(logits)_k."""
    drawn, generator = Theta((3,) * 3000, LOGITS[:3].repeat(3000)), torch.Generator().manual_seed(0)
    hard = torch.stack(drawn.one_hot(temperature, generator)).detach()
    expected = 3000 * LOGITS[:3].softmax(0)
    assert set(hard.unique().tolist()) == {0.0, 1.0}
    assert chisquare(hard.sum(0), expected).pvalue > 1e-3
    soft = torch.stack(drawn.relaxed(temperature, generator)).detach()
    assert chisquare(torch.bincount(soft.argmax(1), minlength=3), expected).pvalue > 1e-3
    assert chisquare(torch.bincount(soft.argmin(1), minlength=3), expected).pvalue < 1e-3


@pytest.mark.parametrize("temperature", [0.5, 10.0])
def test_hard_samples_have_the_gradient_of_the_sampled_probability_alone(temperature):
    """By hand: d w_c / d logits_j = p_c (1[j = c] - p_j) / temperature for the sampled c; 0 for the others."""
    parameters = theta()
    hard = parameters.one_hot(temperature, torch.Generator().manual_seed(3))
    soft = samples("relaxed", temperature, seed=3)
    start = 0
    for row, p in zip(hard, soft, strict=True):
        chosen = int(row.argmax())
        assert row.tolist() == [float(k == chosen) for k in range(len(p))]
        assert chosen == int(p.argmax())
        for k, weight in enumerate(row):
            (gradient,) = torch.autograd.grad(weight, parameters.logits, retain_graph=True)
            by_hand = torch.zeros_like(LOGITS)
            if k == chosen:
                by_hand[start : start + len(p)] = p[k] * (torch.eye(len(p), dtype=p.dtype)[k] - p) / temperature
            torch.testing.assert_close(gradient, by_hand.detach())
        start += len(p)


def test_soft_samples_have_the_gradient_of_the_concrete_distribution():
    """By hand: sum_k c_k dz_k / d logits_j = z_j (c_j - sum_k c_k z_k) / temperature."""
    parameters, c = theta(), torch.tensor([2.0, -1.0, 0.5], dtype=torch.float64)
    z = parameters.relaxed(0.7, torch.Generator().manual_seed(1))[0]
    (gradient,) = torch.autograd.grad(z @ c, parameters.logits)
    torch.testing.assert_close(gradient[:3], (z * (c - c @ z) / 0.7).detach())
    assert not gradient[3:].any()


def test_cold_soft_samples_are_the_hard_ones():
    for soft, hard in zip(samples("relaxed", 1e-3), samples("one_hot", 1e-3), strict=True):
        torch.testing.assert_close(soft, hard, rtol=0, atol=1e-6)


def test_temperatures_fall_on_a_line():
    assert [annealed(10, 0.1, epoch, 250) for epoch in (0, 249)] == pytest.approx([10, 0.1])
    assert annealed(10, 0.1, 100, 250) == pytest.approx(10 - 9.9 * 100 / 249)
    assert annealed(10, 0.1, 0, 1) == 10
