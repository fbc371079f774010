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
FINITE_DIFFERENCE = 0.01
"""Length of the step that the published finite difference takes along the gradient (architect.py)."""


class Alphas(nn.Module):
    """Architecture parameters of a supernet: one row of logits a place, 1e-3 N(0, 1) at the start.

    Neighbouring places with the same number of candidates share a tensor: DARTS' (28, 8) is one parameter.
    """

    def __init__(self, shape: Sequence[int], generator: torch.Generator):
        super().__init__()
        groups: list[list[int]] = []
        for candidates in shape:
            if groups and groups[-1][1] == candidates:
                groups[-1][0] += 1
            else:
                groups.append([1, candidates])
        self.logits = nn.ParameterList(1e-3 * torch.randn(*group, generator=generator) for group in groups)

    def mix(self) -> list[Tensor]:
        """One vector of weights a place."""
        return [weights for logits in self.logits for weights in logits.softmax(1).unbind()]


class Judgement(NamedTuple):
    """Of a validation batch: gradients in the order of `alphas.parameters()`, mean loss, accuracy from 0 to 1."""

    gradients: list[Tensor]
    loss: float
    accuracy: float


def first_order(supernet: Supernet, alphas: Alphas, validation: Batch) -> Judgement:
    """The weights are taken as they are; their gradients are not computed."""
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
) -> Judgement:
    """The weights w are those after one step on the training batch.

    w' = w - lr (momentum * buffer + dL_train/dw + weight_decay * w), unclipped as published; `buffers`: the optimizer's
    momenta in the order of the supernet's parameters, None or nothing before its first step. The gradient is
    dL_val(w')/dalpha - lr * d²L_train(w)/(dalpha dw) · dL_val(w')/dw. The product is computed by differentiating twice
    ("exact") or, as published, by central differences along dL_val(w')/dw ("finite_difference").
    """
    weights, parameters = list(supernet.parameters()), list(alphas.parameters())
    exact = hessian == "exact"
    train_loss, _ = _loss(supernet, alphas, training)
    slopes = torch.autograd.grad(train_loss, weights, create_graph=exact)
    momenta = list(buffers) or [None] * len(weights)
    with torch.no_grad():
        pulls = [0.0 if buffer is None else momentum * buffer for buffer in momenta]
        ahead = [w - lr * (slope + weight_decay * w + pull) for w, slope, pull in zip(weights, slopes, pulls)]
    with _moved(weights, ahead, trained=True):
        loss, accuracy = _loss(supernet, alphas, validation)
        gradients = torch.autograd.grad(loss, [*parameters, *weights])
    direct, along = gradients[: len(parameters)], gradients[len(parameters) :]
    if exact:
        implicit = torch.autograd.grad(slopes, parameters, along)
    else:
        implicit = _differences(supernet, alphas, training, weights, along)
    return Judgement([d - lr * i for d, i in zip(direct, implicit)], loss.item(), accuracy)


def _differences(
    supernet: Supernet, alphas: Alphas, training: Batch, weights: list[Tensor], along: Sequence[Tensor]
) -> list[Tensor]:
    r = FINITE_DIFFERENCE / float(torch.cat([vector.flatten() for vector in along]).norm())
    ends = []
    for step in (r, -r):
        values = [w.data + step * vector for w, vector in zip(weights, along)]
        ends.append(_alpha_gradient(supernet, alphas, training, weights, values).gradients)
    return [(up - down) / (2 * r) for up, down in zip(*ends)]


def _alpha_gradient(
    supernet: Supernet, alphas: Alphas, batch: Batch, weights: list[Tensor], values: list[Tensor]
) -> Judgement:
    with _moved(weights, values, trained=False):
        loss, accuracy = _loss(supernet, alphas, batch)
        return Judgement(list(torch.autograd.grad(loss, list(alphas.parameters()))), loss.item(), accuracy)


@contextmanager
def _moved(weights: list[Tensor], values: Sequence[Tensor], trained: bool) -> Iterator[None]:
    """A supernet's weights have other values for a while, and gradients only if `trained`."""
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


def _loss(supernet: Supernet, alphas: Alphas, batch: Batch) -> tuple[Tensor, float]:
    """Loss and accuracy."""
    images, labels = batch
    logits = supernet(images, alphas.mix())
    return F.cross_entropy(logits, labels), hits(logits, labels) / len(labels)
