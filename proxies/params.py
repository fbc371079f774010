"""The number of parameters: the control that every proxy must beat. The elements of all parameters, no buffers.

Departs from the paper: it has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxies.base import Proxy

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True)
class Params(Proxy):
    def score(self, network: nn.Module, batch: tuple[Tensor, Tensor], generator: torch.Generator) -> float:
        return float(sum(p.numel() for p in network.parameters()))
