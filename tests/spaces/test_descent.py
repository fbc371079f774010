"""Clipping and descent in one call each equal torch's, for tensors in torch's two memory layouts."""

import copy

import pytest
import torch
from torch import nn

from spaces.parts.cpu.descent import clip, descend, together
from spaces.parts.cpu.kernels import usable

pytestmark = pytest.mark.skipif(not usable(torch.zeros(1)), reason="no kernels here")


def laid_out(shape, layout):
    return torch.randn(shape, dtype=torch.float64).contiguous(memory_format=layout)


def rows():
    """Parameters with gradients that lie alike, whatever the strides of their sides of 1 are."""
    torch.manual_seed(0)
    usual, last = torch.contiguous_format, torch.channels_last
    shapes = [
        ((6, 4, 1, 1), last, usual),
        ((6, 4, 3, 3), last, last),
        ((6, 1, 5, 5), usual, last),
        ((7,), usual, usual),
    ]
    found = []
    for shape, mine, of_gradient in shapes:
        found.append(nn.Parameter(laid_out(shape, mine)))
        found[-1].grad = laid_out(shape, of_gradient)
    return found


def test_clip_and_descend_equal_torch():
    mine, its = rows(), rows()
    gradients, momenta = [p.grad for p in mine], [torch.zeros_like(p) for p in mine]
    assert together(mine, gradients, momenta)
    clip(mine, 0.5)
    nn.utils.clip_grad_norm_(its, 0.5)
    rules = {"lr": 0.1, "momentum": 0.9, "weight_decay": 1e-2, "nesterov": True}
    descend(mine, gradients, momenta, **rules)
    torch.optim.SGD(its, **rules).step()
    for p, q in zip(mine, its):
        torch.testing.assert_close(p, q, rtol=1e-12, atol=1e-12)


def test_tensors_that_lie_differently_are_not_taken():
    mine = rows()
    for other in (
        lambda g: g.contiguous(),
        lambda g: g.float(),
        lambda g: g.transpose(0, 1).contiguous().transpose(0, 1),
    ):
        gradients = [copy.deepcopy(p.grad) for p in mine]
        gradients[1] = other(gradients[1])
        assert not together(mine, gradients)
