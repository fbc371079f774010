"""A map inside a cell of a supernet, which several candidates read."""

from __future__ import annotations

from functools import cached_property

import torch.nn.functional as F
from torch import Tensor, nn

from spaces.parts.cpu.pooling import over_images
from spaces.parts.cpu.rearrange import Halves


class SharedMap:
    """x: (images, channels, height, width). What several candidates need of it is computed at its first use, and once.
    Candidates without weights are attributes under their names in genotypes."""

    def __init__(self, x: Tensor, stride: int = 1):
        """stride: that of the candidates."""
        self.x, self.stride = x, stride

    @cached_property
    def halves(self) -> Tensor:
        """The positive part of the even pixels and, behind it along the channels, of the odd ones."""
        return F.relu(Halves.apply(self.x))

    @cached_property
    def max_pool_3x3(self) -> Tensor:
        return over_images(nn.MaxPool2d(3, self.stride, 1), self.x)

    @cached_property
    def avg_pool_3x3(self) -> Tensor:
        return over_images(nn.AvgPool2d(3, self.stride, 1, count_include_pad=False), self.x)

    @property
    def skip_connect(self) -> Tensor:
        """Of stride 1, where it is the identity."""
        return self.x
