"""The sum over layers of the Euclidean norm of the loss's gradient for the layer's weights (Abdelfattah et al., 2021;
SamsungLabs/zero-cost-nas, foresight/pruners).

Departs from the paper: in nothing that is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxies.base import Proxy

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True)
class GradNorm(Proxy):
    def score(self, network: nn.Module, batch: tuple[Tensor, Tensor], generator: torch.Generator) -> float:
        from proxies.parts.gradients import gradients, loss, weights

        return sum(g.norm().item() for g in gradients(loss(network, batch), weights(network)))
