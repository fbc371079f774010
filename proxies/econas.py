"""The validation accuracy after a training of a narrow network on small images, for few epochs (EcoNAS, Zhou et al.,
CVPR 2020). The fractions are those with which SamsungLabs/zero-cost-nas reduces NAS-Bench-201: 4 of 16 channels, 8 of
32 pixels, 40 of 200 epochs.

Departs from the paper: the recipe is the protocol's, and so is the least that can be trained: one channel, 4 pixels,
one batch, one epoch.
"""

from __future__ import annotations

from dataclasses import dataclass

from proxies.base import Reduced


@dataclass(frozen=True)
class Econas(Reduced):
    channels: float = 0.25
    resolution: float = 0.25
    epochs: float = 0.2
