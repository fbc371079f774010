"""Many small tensors as few long ones, so that one operation computes with all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function


def stack(groups: Sequence[Sequence[Tensor]]) -> tuple[Tensor, ...]:
    """For each group of tensors its elements, one tensor after another: (elements,)."""
    return _Stack.apply(groups, *(tensor for group in groups for tensor in group))


class _Stack(Function):
    """One function for all groups: autograd's own graph of views and concatenations takes longer to build and to walk
    than the elements take to copy."""

    @staticmethod
    def forward(ctx: Any, groups: Sequence[Sequence[Tensor]], *_: Tensor) -> tuple[Tensor, ...]:
        ctx.groups = [[tensor.shape for tensor in group] for group in groups]
        return tuple(torch.cat([tensor.reshape(-1) for tensor in group]) for group in groups)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        found: list[Tensor | None] = [None]
        for gradient, shapes in zip(gradients, ctx.groups):
            parts = gradient.split([shape.numel() for shape in shapes])
            found += [part.view(shape) for part, shape in zip(parts, shapes)]
        return tuple(found)
