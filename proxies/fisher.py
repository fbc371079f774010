"""The Fisher information of activations (Turner et al., 2020; SamsungLabs/zero-cost-nas, foresight/pruners): for each
output channel of a layer, 0.5 * mean over images of (sum over positions of a * dL/da)^2, where a is the layer's output
before batch normalisation; summed over the weights, so that a channel counts as often as it has weights.

Departs from the paper: a channel's weight in the sum is that code's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxies.parts.shared import Shared

if TYPE_CHECKING:
    from proxies.parts.passes import Passes


@dataclass(frozen=True)
class Fisher(Shared):
    def of(self, passes: Passes) -> float:
        total = 0.0
        for layer, a, g in passes.activations:
            channels = (a * g).reshape(*a.shape[:2], -1).sum(2).square().mean(0) / 2
            total += channels.sum().item() * layer.weight[0].numel()
        return total
