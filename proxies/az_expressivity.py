"""The sum over blocks of the entropy of the normalised eigenvalues of the channels' covariance: how many directions the
features fill (AZ-NAS, Lee and Ham, CVPR 2024; cvlab-yonsei/AZ-NAS, compute_az_nas_score.py).

Departs from the paper: weights are those that the network has, not drawn anew; features of which nothing varies have
entropy 0, where the public code rejects the whole architecture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxies.base import Proxy

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True)
class AzExpressivity(Proxy):
    def score(self, network: nn.Module, batch: tuple[Tensor, Tensor], generator: torch.Generator) -> float:
        import torch

        from proxies.parts.blocks import block_features, entropy

        with torch.no_grad():
            return sum(entropy(feature) for feature in block_features(network, batch[0]))
