"""The logarithm of the determinant of the kernel of ReLU codes (NASWOT, Mellor et al., 2021;
BayesWatch/nas-without-training, score_networks.py): for every ReLU, c is the binary code of each image (input > 0); K
is the sum of c c^T + (1 - c)(1 - c)^T. Minus infinity where two images share all codes, and where there is no ReLU
module.

Departs from the paper: every ReLU module that runs is counted; that code counts those that a backward pass reaches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxies.base import Proxy

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True)
class Nwot(Proxy):
    def score(self, network: nn.Module, batch: tuple[Tensor, Tensor], generator: torch.Generator) -> float:
        import torch

        from proxies.parts.activations import inputs
        from proxies.parts.gradients import logits

        images = batch[0]
        kernel = torch.zeros(len(images), len(images), dtype=torch.float64, device=images.device)

        def add(x: Tensor) -> None:
            code = (x.flatten(1) > 0).to(torch.float32)
            kernel.add_(code @ code.T + (1 - code) @ (1 - code).T)

        with torch.no_grad(), inputs([m for m in network.modules() if isinstance(m, torch.nn.ReLU)], add):
            logits(network, images)
        return float(torch.linalg.slogdet(kernel).logabsdet)
