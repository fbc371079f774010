"""Gradients of the validation loss with respect to architecture parameters (DARTS, equations 5 to 8)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from methods.parts.bilevel import hits
from spaces.parts.network import Supernet

Batch = tuple[Tensor, Tensor]
"""(images, labels)"""
FINITE_DIFFERENCE = 0.01
"""The length of the published finite difference along the gradient (architect.py)."""


class Alphas(nn.Module):
    """The architecture parameters of a supernet: one row of logits per place, drawn as 1e-3 N(0, 1).

    Consecutive places with the same number of candidates share a tensor: DARTS' (28, 8) is one parameter.
    """

    def __init__(self, shape: Sequence[int], generator: torch.Generator):
        """shape: the number of candidates at each place."""
        super().__init__()
        groups: list[list[int]] = []
        for candidates in shape:
            if groups and groups[-1][1] == candidates:
                groups[-1][0] += 1
            else:
                groups.append([1, candidates])
        self.logits = nn.ParameterList(1e-3 * torch.randn(*group, generator=generator) for group in groups)

    def mix(self) -> list[Tensor]:
        """The softmax of each place's logits."""
        return [weights for logits in self.logits for weights in logits.softmax(1).unbind()]

    def compared(self) -> list[Tensor]:
        """The weights that candidates are compared by, stage after stage: those of the mix."""
        return self.mix()


class AlphaGradient(NamedTuple):
    """The gradients of a batch's loss, in the order of `alphas.parameters()`; its mean loss; its accuracy (0 to 1)."""

    gradients: list[Tensor]
    loss: float
    accuracy: float


def first_order(supernet: Supernet, alphas: Alphas, validation: Batch) -> AlphaGradient:
    """The gradient of the validation loss at the current weights. Gradients of the weights are not computed."""
    weights = list(supernet.parameters())
    return _alpha_gradient(supernet, alphas, validation, weights, [w.data for w in weights])


def second_order(
    supernet: Supernet,
    alphas: Alphas,
    training: Batch,
    validation: Batch,
    lr: float,
    momentum: float = 0.0,
    buffers: Sequence[Tensor | None] = (),
    weight_decay: float = 0.0,
    hessian: str = "exact",
) -> AlphaGradient:
    """The gradient of the validation loss after one weight step on the training batch, through that step.

    The step is w' = w - lr (momentum * buffer + dL_train/dw + weight_decay * w), unclipped as published. `buffers`: the
    optimizer's momentum buffers in the order of the supernet's parameters, None (or an empty sequence) before its first
    step. The gradient is dL_val(w')/dalpha - lr * d²L_train(w)/(dalpha dw) · dL_val(w')/dw. `hessian` says how the
    product is computed: "exact" differentiates twice, "finite_difference" takes central differences along
    dL_val(w')/dw, as published.
    """
    weights, parameters = list(supernet.parameters()), list(alphas.parameters())
    exact = hessian == "exact"  # the gradients of the training loss are then differentiated again
    implicit: Sequence[Tensor]
    train_loss, _ = batch_loss(supernet, alphas, training)
    slopes = torch.autograd.grad(train_loss, weights, create_graph=exact)
    ahead = _after_step(weights, slopes, lr, momentum, buffers, weight_decay)
    with at_weights(weights, ahead, trained=True):
        loss, accuracy = batch_loss(supernet, alphas, validation)
        gradients = torch.autograd.grad(loss, [*parameters, *weights])
    direct, along = gradients[: len(parameters)], gradients[len(parameters) :]
    if exact:
        implicit = torch.autograd.grad(slopes, parameters, along)
    else:
        implicit = _differences(supernet, alphas, training, weights, along)
    return AlphaGradient([d - lr * i for d, i in zip(direct, implicit)], loss.item(), accuracy)


@torch.no_grad()
def _after_step(
    weights: Sequence[Tensor],
    slopes: Sequence[Tensor],
    lr: float,
    momentum: float,
    buffers: Sequence[Tensor | None],
    weight_decay: float,
) -> list[Tensor]:
    """The weights after one step of SGD with gradients `slopes`; other arguments as in `second_order`."""
    momenta = list(buffers) or [None] * len(weights)
    pulls = [0.0 if buffer is None else momentum * buffer for buffer in momenta]
    return [w - lr * (slope + weight_decay * w + pull) for w, slope, pull in zip(weights, slopes, pulls)]


def _differences(
    supernet: Supernet, alphas: Alphas, training: Batch, weights: Sequence[Tensor], along: Sequence[Tensor]
) -> list[Tensor]:
    """d²L_train/(dalpha dw) times the vector `along`, by central differences: (g(w + r v) - g(w - r v)) / 2r with
    g = dL_train/dalpha."""
    r = FINITE_DIFFERENCE / float(torch.cat([vector.flatten() for vector in along]).norm())
    ends = []
    for shift in (r, -r):
        values = [w.data + shift * vector for w, vector in zip(weights, along)]
        ends.append(_alpha_gradient(supernet, alphas, training, weights, values).gradients)
    return [(up - down) / (2 * r) for up, down in zip(*ends)]


def _alpha_gradient(
    supernet: Supernet, alphas: Alphas, batch: Batch, weights: Sequence[Tensor], values: Sequence[Tensor]
) -> AlphaGradient:
    """The gradient of a batch's loss by the architecture parameters, at other values of the weights."""
    with at_weights(weights, values, trained=False):
        loss, accuracy = batch_loss(supernet, alphas, batch)
        return AlphaGradient(list(torch.autograd.grad(loss, list(alphas.parameters()))), loss.item(), accuracy)


@contextmanager
def at_weights(weights: Sequence[Tensor], values: Sequence[Tensor], trained: bool) -> Iterator[None]:
    """Gives the weights other values inside the block; `trained`: whether they need gradients there."""
    kept = [w.data for w in weights]
    try:
        for w, value in zip(weights, values):
            w.data = value
            w.requires_grad_(trained)
        yield
    finally:
        for w, value in zip(weights, kept):
            w.data = value
            w.requires_grad_()


def batch_loss(supernet: Supernet, alphas: Alphas, batch: Batch) -> tuple[Tensor, float]:
    """(mean cross entropy, accuracy from 0 to 1) of a batch."""
    images, labels = batch
    logits = supernet(images, alphas.mix())
    return F.cross_entropy(logits, labels), hits(logits, labels) / len(labels)
