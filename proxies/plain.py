"""The sum of W * dL/dW, with its sign (SamsungLabs/zero-cost-nas, foresight/pruners).

Departs from the paper: it has none; it is the control of that code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxies.parts.shared import Shared

if TYPE_CHECKING:
    from proxies.parts.passes import Passes


@dataclass(frozen=True)
class Plain(Shared):
    def of(self, passes: Passes) -> float:
        return sum((a * g).sum().item() for a, g in zip(passes.weights, passes.gradients))
