"""The memory layout of the fast CPU code: images innermost, so that one vector instruction handles several images."""

from __future__ import annotations

from torch import Tensor


def as_memory(x: Tensor) -> Tensor:
    """(images, channels, height, width) -> (channels, height, width, images), contiguous."""
    return x.permute(1, 2, 3, 0).contiguous()


def as_maps(x: Tensor) -> Tensor:
    """(channels, height, width, images) -> (images, channels, height, width): a view, the inverse of `as_memory`."""
    return x.permute(3, 0, 1, 2)
