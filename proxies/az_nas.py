"""AZ-NAS: the sum of the logarithms of the ranks that an architecture has by expressivity, progressivity, trainability
and multiply-adds (Lee and Ham, CVPR 2024; cvlab-yonsei/AZ-NAS).

A rank is one among others, so a single network has no score: it is NaN. Searches rank the architectures that they
compare, with `Run.scores_of`; so what is best depends on the others, as it does in the paper.

Departs from the paper: where its four terms do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from proxies.base import Proxy

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True)
class AzNas(Proxy):
    terms: ClassVar[tuple[str, ...]] = ("az_expressivity", "az_progressivity", "az_trainability", "flops")

    def score(self, network: nn.Module, batch: tuple[Tensor, Tensor], generator: torch.Generator) -> float:
        return math.nan
