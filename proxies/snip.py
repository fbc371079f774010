"""The sum of |W * dL/dW| (SNIP, Lee et al., 2019, as a score: SamsungLabs/zero-cost-nas, foresight/pruners).

Departs from the paper: as there, the connections' masks are 1, so that their gradient is W * dL/dW; nothing is
normalised.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxies.parts.shared import Shared

if TYPE_CHECKING:
    from proxies.parts.passes import Passes


@dataclass(frozen=True)
class Snip(Shared):
    def of(self, passes: Passes) -> float:
        return sum((a * g).abs().sum().item() for a, g in zip(passes.weights, passes.gradients))
