"""Pooling that is vectorised over the images of a batch."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from spaces.parts.cpu.layout import as_memory


def over_images(pool: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Pools (images, channels, height, width) with the images in the place of channels: in our layout that is torch's
    channels_last form."""
    return pool(as_memory(x).permute(0, 3, 1, 2)).transpose(0, 1)
