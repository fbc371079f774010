"""Steps of autograd with their gradients written by hand, on `_kernels`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from spaces.parts.cpu.kernels import usable


def as_memory(x: Tensor) -> Tensor:
    """(images, channels, height, width) -> (channels, height, width, images), contiguous."""
    return x.permute(1, 2, 3, 0).contiguous()


def as_maps(x: Tensor) -> Tensor:
    """Undoes `as_memory`: a view."""
    return x.permute(3, 0, 1, 2)


class Step(Function):
    """Arguments: tensors or None, maps (images, channels, height, width) first; behind them constants, which `forward`
    leaves in `ctx.constants`. It saves its tensors as they came, others behind them.

    `plain` is the same by torch's operations: for what is not `usable`, and where a gradient is to be differentiated
    again.
    """

    @classmethod
    def of(cls, *arguments: Any) -> Tensor:
        return cls.apply(*arguments) if usable(arguments[0]) else cls.plain(*arguments)

    @staticmethod
    def plain(*arguments: Any) -> Tensor:
        raise NotImplementedError

    @classmethod
    def again(cls, ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients, differentiable."""
        inputs = ctx.saved_tensors[: len(ctx.needs_input_grad) - len(ctx.constants)]
        with torch.enable_grad():
            inputs = [None if tensor is None else tensor.view_as(tensor) for tensor in inputs]  # one may be there twice
            y = cls.plain(*inputs, *ctx.constants)
        wanted = ctx.needs_input_grad
        chosen = [tensor for tensor, needed in zip(inputs, wanted) if needed]
        found = iter(torch.autograd.grad(y, chosen, g, create_graph=True))
        return tuple(next(found) if needed else None for needed in wanted)
