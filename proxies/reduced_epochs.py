"""The validation accuracy after a training of half as many epochs (one of the four reductions of EcoNAS,
Zhou et al., CVPR 2020: channels c, resolution r, samples s, epochs e).

Departs from the paper: it reduces one of the four, by half; the recipe is the protocol's.
"""

from __future__ import annotations

from dataclasses import dataclass

from proxies.base import Reduced


@dataclass(frozen=True)
class ReducedEpochs(Reduced):
    epochs: float = 0.5
