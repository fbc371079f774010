"""The sum of |W * dL/dW| (SNIP, Lee et al., 2019, as a score: SamsungLabs/zero-cost-nas, foresight/pruners).

Departs from the paper: as there, the connections' masks are 1, so that their gradient is W * dL/dW; nothing is
normalised.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxies.base import Proxy

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True)
class Snip(Proxy):
    def score(self, network: nn.Module, batch: tuple[Tensor, Tensor], generator: torch.Generator) -> float:
        from proxies.parts.gradients import gradients, loss, weights

        w = weights(network)
        return sum((a * g).abs().sum().item() for a, g in zip(w, gradients(loss(network, batch), w)))
