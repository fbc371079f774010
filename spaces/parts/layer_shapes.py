"""Widths, strides and map sizes of the layers of a macro-structure. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from spaces.base import Size

Stages = Sequence[tuple[int, int, int]]
"""(published width, number of layers, stride of the first layer) of each stage; the stem is the first stage."""

PUBLISHED_CHANNELS = 16  # width of the first stage behind the stem, in both published networks


@dataclass(frozen=True)
class LayerShape:
    """The shape of one layer: (inputs, image, image) to (outputs, image / stride, image / stride), rounded up."""

    inputs: int  # channels
    outputs: int  # channels
    stride: int
    image: int  # side of the input map, in pixels

    @property
    def residual(self) -> bool:
        """Whether input and output have the same shape, so that a block can add its input to its result."""
        return self.stride == 1 and self.inputs == self.outputs


def width_at(width: int, channels: int) -> int:
    """A published width in a network of `channels`: in proportion, rounded to a multiple of 4, at least 4. At
    `PUBLISHED_CHANNELS` it is the published width."""
    return max(4, (width * channels + 2 * PUBLISHED_CHANNELS) // (4 * PUBLISHED_CHANNELS) * 4)


def shapes_of(stages: Stages, size: Size) -> list[LayerShape]:
    """The shapes of all layers of a macro-structure at a size, stage by stage.

    Images below 64 pixels keep at most three of the strides of 2, and every image only as many as leave a last map of
    at least 2x2 pixels; the earliest are dropped. 224 pixels keep all five of the published networks (7x7), 32 keep
    three (4x4), 16 three (2x2), 8 two (2x2).
    """
    strides = sum(stride == 2 for _, _, stride in stages)
    most = strides if size.image >= 64 else min(strides, 3)
    kept = max((n for n in range(most + 1) if -(-size.image // 2**n) >= 2), default=0)
    surplus, result, inputs, image = strides - kept, [], size.inputs, size.image
    for width, layers, stride in stages:
        if stride == 2 and surplus:
            stride, surplus = 1, surplus - 1
        for layer in range(layers):
            result.append(LayerShape(inputs, width_at(width, size.channels), stride if layer == 0 else 1, image))
            inputs, image = result[-1].outputs, -(-image // result[-1].stride)
    return result
