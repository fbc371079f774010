"""The multiply-adds of convolutions and linear layers for one image: the control that stands beside `params`.

Departs from the paper: it has none. The number is what the literature on proxies calls FLOPs: multiply-adds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxies.base import Proxy

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True)
class Flops(Proxy):
    def score(self, network: nn.Module, batch: tuple[Tensor, Tensor], generator: torch.Generator) -> float:
        import torch

        from proxies.parts.activations import outputs
        from proxies.parts.gradients import layers, logits

        images = batch[0][:2]  # two: training mode refuses statistics of a single value
        with torch.no_grad(), outputs(network, layers(network)) as seen:
            logits(network, images)
        values = sum(a.numel() * layer.weight[0].numel() for layer, a in seen)
        return values / len(images)
