"""A definition and its faster form, compared in results and in all gradients."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from spaces.parts.cpu.fuse import fuse


def shaken(module: nn.Module, dtype: torch.dtype = torch.float64) -> nn.Module:
    """The module with weights at which no scale is 1 and no shift is 0."""
    module.to(dtype)
    with torch.no_grad():
        for weight in module.parameters():
            weight += 0.1 * torch.randn_like(weight)
    return module


def pair(module: nn.Module, dtype: torch.dtype = torch.float64) -> tuple[nn.Module, nn.Module]:
    """A definition and its faster form with the same weights of their own."""
    return shaken(module, dtype), fuse(copy.deepcopy(module))


def difference(forms: Sequence[nn.Module], *arguments: Any, second: bool = False) -> float:
    """The largest difference of two forms: of their results, of their gradients for weights and arguments or, with
    `second`, of the gradients of the gradients, and of their buffers; relative to the largest element of each."""
    return worst(*(outcome(form, arguments, second) for form in forms))


def outcome(form: nn.Module, arguments: Sequence[Any], second: bool = False) -> list[Tensor]:
    wanted = [weight for weight in [*form.parameters(), *_tensors(arguments)] if weight.requires_grad]
    results = _tensors([form(*arguments)])
    loss = sum(_score(y) for y in results)
    gradients = torch.autograd.grad(loss, wanted, create_graph=second, allow_unused=True, materialize_grads=True)
    if second:
        total = sum(gradient.square().sum() for gradient in gradients)
        gradients = torch.autograd.grad(total, wanted, allow_unused=True, materialize_grads=True)
    return [each.detach() for each in (*results, *gradients, *form.buffers())]


def _score(y: Tensor) -> Tensor:
    """A sum in which every element of y counts differently."""
    return (y.flatten() * torch.linspace(0.5, 1.5, y.numel(), dtype=y.dtype)).square().sin().sum()


def worst(mine: Sequence[Tensor], its: Sequence[Tensor]) -> float:
    """The largest difference of tensors, relative to the largest element of each, at least 1. A tensor of zeros, like
    the gradient of a bias in front of batch normalisation, is the difference of elements as large as in the others:
    the scale is never less than a ten-thousandth of the largest of all."""
    assert [each.shape for each in mine] == [each.shape for each in its]
    least = max(1.0, 1e-4 * max(float(b.abs().max()) for b in its))
    return max(float((a - b).abs().max() / b.abs().max().clamp_min(least)) for a, b in zip(mine, its))


def _tensors(values: Sequence[Any]) -> list[Tensor]:
    """The tensors among values, in lists and tuples too."""
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found += _tensors(value)
    return found
