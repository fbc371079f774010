"""Many small parameters read as few long tensors, so that one operation computes with all of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch._utils import _flatten_dense_tensors as flatten
from torch._utils import _unflatten_dense_tensors as unflatten
from torch.autograd import Function

Slot = tuple[dict[str, Tensor], str]
"""Where a parameter stands, not the parameter: torch's functional_call puts others there."""


def slots(module: nn.Module) -> list[Slot]:
    """The slots of a module's own and its submodules' parameters, in their order."""
    found = (part._parameters for part in module.modules())
    return [(held, name) for held in found for name, weight in held.items() if weight is not None]


class Stacks:
    """Groups of parameters. Each is read as one tensor: the parameters one after another, (elements,).

    The data of all of them are moved into one piece of memory, of which the parameters and what is read are views, so
    that reading copies nothing. They are moved again where somebody has put them elsewhere since. A change of a
    parameter between a forward and its backward pass goes unnoticed.
    """

    def __init__(self, groups: Iterable[Iterable[Slot]]):
        self.groups = [list(group) for group in groups]
        self.slots = [slot for group in self.groups for slot in group]
        self.places: list[int] = []
        self.stacks: list[Tensor] = []

    def __reduce__(self) -> tuple[Any, ...]:
        return Stacks, (self.groups,)  # a copy has memory of its own

    def read(self) -> tuple[Tensor, ...]:
        weights = [held[name] for held, name in self.slots]
        if not all(isinstance(weight, nn.Parameter) for weight in weights):
            return tuple(torch.cat([held[name].flatten() for held, name in group]) for group in self.groups)
        if [weight.data_ptr() for weight in weights] != self.places:
            self._move(weights)
        return _Read.apply(self, *weights)

    def _move(self, weights: Sequence[Tensor]) -> None:
        memory, start = flatten([weight.data for weight in weights]), 0
        for weight, place in zip(weights, unflatten(memory, weights)):
            weight.data = place
        self.places, self.stacks = [weight.data_ptr() for weight in weights], []
        for group in self.groups:
            end = start + sum(held[name].numel() for held, name in group)
            self.stacks.append(memory[start:end])
            start = end


class _Read(Function):
    """One function for all groups: autograd's graph of concatenations and views takes longer to walk."""

    @staticmethod
    def forward(ctx: Any, stacks: Stacks, *weights: Tensor) -> tuple[Tensor, ...]:
        ctx.groups = [[held[name] for held, name in group] for group in stacks.groups]
        return tuple(stack.detach() for stack in stacks.stacks)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        parts = (unflatten(gradient, group) for gradient, group in zip(gradients, ctx.groups))
        return None, *(part for group in parts for part in group)
