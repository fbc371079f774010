"""Pooling layers that are vectorised over the images of a batch."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from spaces.parts.cpu.kernels import usable
from spaces.parts.cpu.layout import as_memory


class MaxPool(nn.MaxPool2d):
    """torch's max pooling, faster where the kernels are usable."""

    def forward(self, x: Tensor) -> Tensor:
        return _over_images(super().forward, x) if usable(x) else super().forward(x)


class AvgPool(nn.AvgPool2d):
    """torch's average pooling, faster where the kernels are usable."""

    def forward(self, x: Tensor) -> Tensor:
        return _over_images(super().forward, x) if usable(x) else super().forward(x)


def _over_images(pool: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Pools with the images in the place of channels: in our layout that is torch's channels_last form."""
    return pool(as_memory(x).permute(0, 3, 1, 2)).transpose(0, 1)
