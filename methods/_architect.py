"""Gradients of the validation loss with respect to architecture parameters (DARTS, equations 5 to 8)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces._network import Supernet

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


def first_order(supernet: Supernet, alphas: Alphas, validation: Batch) -> tuple[list[Tensor], float]:
    """(gradient, loss) of the validation loss, the weights taken as they are. Computes no gradient of the weights."""
    parameters = list(alphas.parameters())
    with _frozen(supernet):
        loss = _loss(supernet, alphas, validation)
        return list(torch.autograd.grad(loss, parameters)), loss.item()


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
) -> tuple[list[Tensor], float]:
    """(gradient, loss) of the validation loss after one step of the weights w on the training batch.

    w' = w - lr (momentum * buffer + dL_train/dw + weight_decay * w), unclipped as published; `buffers`: the optimizer's
    momenta in the order of the supernet's parameters, None or nothing before its first step. The gradient is
    dL_val(w')/dalpha - lr * d²L_train(w)/(dalpha dw) · dL_val(w')/dw. The product is computed by differentiating twice
    ("exact") or, as published, by central differences along dL_val(w')/dw ("finite_difference").
    """
    weights, parameters = list(supernet.parameters()), list(alphas.parameters())
    exact = hessian == "exact"
    slopes = torch.autograd.grad(_loss(supernet, alphas, training), weights, create_graph=exact)
    momenta = buffers or [None] * len(weights)
    with torch.no_grad():
        steps = [
            -lr * (slope + weight_decay * w + (0.0 if buffer is None else momentum * buffer))
            for slope, w, buffer in zip(slopes, weights, momenta)
        ]
    with _moved(weights, steps):
        loss = _loss(supernet, alphas, validation)
        gradients = torch.autograd.grad(loss, [*parameters, *weights])
    direct, along = gradients[: len(parameters)], gradients[len(parameters) :]
    if exact:
        implicit = torch.autograd.grad(slopes, parameters, along)
    else:
        implicit = _differences(supernet, alphas, training, along)
    return [d - lr * i for d, i in zip(direct, implicit)], loss.item()


def _differences(supernet: Supernet, alphas: Alphas, training: Batch, along: Sequence[Tensor]) -> list[Tensor]:
    weights = list(supernet.parameters())
    r = FINITE_DIFFERENCE / float(torch.cat([vector.flatten() for vector in along]).norm())
    ends = []
    for sign in (1.0, -1.0):
        with _moved(weights, [sign * r * vector for vector in along]):
            ends.append(first_order(supernet, alphas, training)[0])
    return [(up - down) / (2 * r) for up, down in zip(*ends)]


def _loss(supernet: Supernet, alphas: Alphas, batch: Batch) -> Tensor:
    images, labels = batch
    return F.cross_entropy(supernet(images, alphas.mix()), labels)


@contextmanager
def _frozen(supernet: Supernet) -> Iterator[None]:
    supernet.requires_grad_(False)
    try:
        yield
    finally:
        supernet.requires_grad_(True)


@contextmanager
def _moved(weights: list[Tensor], steps: Sequence[Tensor]) -> Iterator[None]:
    """Weights moved by `steps`, and put back to the last bit: graphs through the unmoved weights stay valid."""
    kept = [w.data for w in weights]
    for w, step in zip(weights, steps):
        w.data = w.data + step
    try:
        yield
    finally:
        for w, before in zip(weights, kept):
            w.data = before
