"""The sum of W * dL/dW, with its sign (SamsungLabs/zero-cost-nas, foresight/pruners).

Departs from the paper: it has none; it is the control of that code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxies.base import Proxy

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True)
class Plain(Proxy):
    def score(self, network: nn.Module, batch: tuple[Tensor, Tensor], generator: torch.Generator) -> float:
        from proxies.parts.gradients import gradients, loss, weights

        w = weights(network)
        return sum((a * g).sum().item() for a, g in zip(w, gradients(loss(network, batch), w)))
