"""The base of autograd functions that compute several layers at once, with gradients written by hand."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function


class FusedFunction(Function):
    """An autograd function with a plain form, which torch's own operations compute.

    The arguments of `forward` and `plain` are the same: tensors or None first, of which the first one is
    maps (images, channels, height, width); then constants. `forward` must store the constants in `ctx.constants` and
    save its tensor arguments first, as they came; it may save further tensors behind them.
    """

    @staticmethod
    def plain(*arguments: Any) -> Tensor:
        """The same function in torch's operations, for second derivatives."""
        raise NotImplementedError

    @classmethod
    def plain_backward(cls, ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of all arguments from that of the result, through the plain form, so that they can be
        differentiated again. For `backward` where gradients are enabled."""
        inputs = ctx.saved_tensors[: len(ctx.needs_input_grad) - len(ctx.constants)]
        with torch.enable_grad():
            # Views: the same tensor may be given as several arguments, each of which has a gradient of its own.
            inputs = [None if tensor is None else tensor.view_as(tensor) for tensor in inputs]
            y = cls.plain(*inputs, *ctx.constants)
        needed = ctx.needs_input_grad
        sought = [x for x, wanted in zip(inputs, needed) if wanted]
        # An argument may not matter: the maps themselves do not where all that is made of them are arguments too.
        gradients = iter(torch.autograd.grad(y, sought, g, create_graph=True, allow_unused=True))
        return tuple(next(gradients) if wanted else None for wanted in needed)
