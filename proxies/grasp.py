"""The sum of -W * (H g), where g = dL/dW and H g is the derivative of <g held fixed, g> (GraSP, Wang et al., 2020, as a
score: SamsungLabs/zero-cost-nas, foresight/pruners).

Departs from the paper: one batch gives both passes, the temperature is 1, and the sign is turned, as in that code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from proxies.parts.shared import Shared

if TYPE_CHECKING:
    from proxies.parts.passes import Passes


@dataclass(frozen=True)
class Grasp(Shared):
    order: ClassVar[int] = 2

    def of(self, passes: Passes) -> float:
        return -sum((a * h).sum().item() for a, h in zip(passes.weights, passes.second))
