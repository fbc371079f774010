"""How different the input gradients of the images are (Mellor et al., 2020, first version; SamsungLabs/zero-cost-nas,
foresight/pruners): J = d (sum of logits) / dx, a row for each image; v = eigenvalues of its correlation matrix; the
score is -sum(log(v + 1e-5) + 1 / (v + 1e-5)). NaN where a row is constant.

Departs from the paper: in nothing that is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxies.parts.shared import Shared

if TYPE_CHECKING:
    from proxies.parts.passes import Passes


@dataclass(frozen=True)
class JacobCov(Shared):
    def of(self, passes: Passes) -> float:
        import torch

        correlation = torch.corrcoef(passes.jacobian)
        if not correlation.isfinite().all():
            return float("nan")
        v = torch.linalg.eigvalsh(correlation) + 1e-5
        return -float((v.log() + 1 / v).sum())
