"""The logarithm of the determinant of the kernel of ReLU codes (NASWOT, Mellor et al., 2021;
BayesWatch/nas-without-training, score_networks.py): for every ReLU, c is the binary code of each image (input > 0); K
is the sum of c c^T + (1 - c)(1 - c)^T. Minus infinity where two images share all codes, and where there is no ReLU
module.

Departs from the paper: every ReLU module that runs is counted; that code counts those that a backward pass reaches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from proxies.parts.shared import Shared

if TYPE_CHECKING:
    from proxies.parts.passes import Passes


@dataclass(frozen=True)
class Nwot(Shared):
    order: ClassVar[int] = 0

    def of(self, passes: Passes) -> float:
        import torch

        images = len(passes.labels)
        kernel = torch.zeros(images, images, dtype=torch.float64, device=passes.labels.device)
        for x, times in passes.relus:
            signs = torch.where(x > 0, 1.0, -1.0).movedim(1, -1).flatten(1)
            # = c c^T + (1 - c)(1 - c)^T, as signs are 2 c - 1
            kernel += times * (signs @ signs.T + signs.shape[1]) / 2
        return float(torch.linalg.slogdet(kernel).logabsdet)
