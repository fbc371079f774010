"""The smallest increase of expressivity from one block to the next, where expressivity is the entropy that
`az_expressivity` adds up (AZ-NAS, Lee and Ham, CVPR 2024; cvlab-yonsei/AZ-NAS, compute_az_nas_score.py). NaN where the
network has fewer than two blocks.

Departs from the paper: as `az_expressivity`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxies.base import Proxy

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True)
class AzProgressivity(Proxy):
    def score(self, network: nn.Module, batch: tuple[Tensor, Tensor], generator: torch.Generator) -> float:
        import torch

        from proxies.parts.blocks import block_features, entropy

        with torch.no_grad():
            entropies = [entropy(feature) for feature in block_features(network, batch[0])]
        return min((after - before for before, after in zip(entropies, entropies[1:])), default=math.nan)
