"""How much arithmetic a step needs, and how much the processor could do: the share of its peak that a step reaches."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import conv_flop_count

from harness.running.counts import FlopCounter

CONVOLUTION_BACKWARD = torch.ops.aten.convolution_backward
SIDES = {"cpu": 2048, "cuda": 8192}  # of the matrices


def peak(device: torch.device) -> float:
    """Floating-point operations per second of a large product of float32 matrices, the fastest of ten; on a CPU on the
    threads that torch is set to."""
    side = SIDES[device.type]
    a, b = torch.rand(2, side, side, device=device).unbind()
    return 2 * side**3 / min(_product(a, b) for _ in range(10))


def _product(a: Tensor, b: Tensor) -> float:
    clock = time.process_time if a.device.type == "cpu" else time.perf_counter
    start = clock()
    a @ b
    if a.device.type == "cuda":
        torch.cuda.synchronize()
    return clock() - start


def flops(step: Callable[[], object]) -> int:
    """Floating-point operations of the convolutions and matrix products in a step (a multiply-add is two)."""
    with _FlopCounter() as counter:
        step()
    return counter.flops


class _FlopCounter(FlopCounter):
    """torch's own formula counts the gradient of a grouped convolution's weights once per group: 8 times too much for 8
    channels by themselves."""

    def formula(self, operation: Any) -> Any:
        return _backward if operation is CONVOLUTION_BACKWARD else super().formula(operation)


def _backward(gradient: Tensor, x: Tensor, weight: Tensor, *rest: Any, out_val: Any) -> int:
    """Of a convolution's gradients: for each that is wanted, as much as for the convolution."""
    *_, wanted = rest
    return int(conv_flop_count(list(x.shape), list(weight.shape), list(gradient.shape))) * sum(wanted[:2])
