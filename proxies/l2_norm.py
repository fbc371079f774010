"""The sum over layers of the Euclidean norm of their fresh weights (NASLib,
predictors/utils/pruners/measures/l2_norm.py).

Departs from the paper: it has none; it is a control.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxies.base import Proxy

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True)
class L2Norm(Proxy):
    def score(self, network: nn.Module, batch: tuple[Tensor, Tensor], generator: torch.Generator) -> float:
        from proxies.parts.gradients import weights

        return sum(w.norm().item() for w in weights(network))
