"""The sum of -W * (H g), where g = dL/dW and H g is the derivative of <g held fixed, g> (GraSP, Wang et al., 2020, as a
score: SamsungLabs/zero-cost-nas, foresight/pruners).

Departs from the paper: one batch gives both passes, the temperature is 1, and the sign is turned, as in that code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxies.base import Proxy

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True)
class Grasp(Proxy):
    def score(self, network: nn.Module, batch: tuple[Tensor, Tensor], generator: torch.Generator) -> float:
        from proxies.parts.gradients import gradients, loss, weights

        w = weights(network)
        g = gradients(loss(network, batch), w, create_graph=True)
        if not any(one.requires_grad for one in g):  # no path from the images to the logits
            return 0.0
        hg = gradients(sum((one.detach() * one).sum() for one in g if one.requires_grad), w)  # type: ignore[arg-type]
        return -sum((a * h).sum().item() for a, h in zip(w, hg))
