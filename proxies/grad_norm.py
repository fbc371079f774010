"""The sum over layers of the Euclidean norm of the loss's gradient for the layer's weights (Abdelfattah et al., 2021;
SamsungLabs/zero-cost-nas, foresight/pruners).

Departs from the paper: in nothing that is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxies.parts.shared import Shared

if TYPE_CHECKING:
    from proxies.parts.passes import Passes


@dataclass(frozen=True)
class GradNorm(Shared):
    def of(self, passes: Passes) -> float:
        return sum(g.norm().item() for g in passes.gradients)
