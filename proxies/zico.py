"""The sum over layers of log(sum over weights of mean|g| / std g), where g are the weights' gradients for two batches
and the standard deviation is that of the population; weights with none are left out (ZiCo, Li et al., 2023;
SLDGroup/ZiCo).

Departs from the paper: the two batches are the halves of the one that every proxy gets.
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
class Zico(Proxy):
    def score(self, network: nn.Module, batch: tuple[Tensor, Tensor], generator: torch.Generator) -> float:
        from proxies.parts.passes import Passes

        images, labels = batch
        half = len(images) // 2
        halves = [(images[:half], labels[:half]), (images[half:], labels[half:])]
        total = 0.0
        for a, b in zip(*(Passes(network, one).gradients for one in halves)):
            spread = (a - b).abs()  # twice the deviation of two numbers
            ratio = float(((a.abs() + b.abs()) / spread)[spread > 0].sum())
            total += math.log(ratio) if ratio else 0.0
        return total
