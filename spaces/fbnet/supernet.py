"""The supernet of FBNet's space and of any other layer-wise space whose last option is skip."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from spaces.base import Arch, Size, UserError
from spaces.parts.blocks import MBConv
from spaces.parts.layer_shapes import LayerShape
from spaces.parts.layerwise import Layerwise
from spaces.parts.network import Supernet, use_batch_statistics, used


class MixedLayer(nn.Module):
    """One layer: the sum of its candidates' results, weighted by a mix (Eq. 3 of the paper)."""

    def __init__(self, space: Layerwise, shape: LayerShape):
        """UserError unless the last option of the space is skip and all others are blocks."""
        super().__init__()
        self.candidates = nn.ModuleList(space.block(option, shape) for option in space.options)
        *blocks, skip = self.candidates
        if isinstance(skip, MBConv) or not all(isinstance(block, MBConv) for block in blocks):
            raise UserError(f"{type(space).__name__}: of its options {', '.join(space.options)} the last must be skip")

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        """x: (images, inputs, height, width); mix: (candidates,), or (candidates, images, 1, 1, 1)."""
        return sum(mix[i] * self.candidates[i](x) for i in used(mix))


class FbnetSupernet(Supernet):
    """All candidates of all layers. Place k is layer k; its candidates are the options of the space, in their order."""

    def __init__(self, space: Layerwise, size: Size):
        """The space's convolutions should have no biases: batch normalisation behind them cancels these."""
        super().__init__()
        self.shape = space.choices
        self.stem, self.tail = space.ends((), size)
        self.layers = nn.ModuleList(MixedLayer(space, shape) for shape in space.layer_shapes(size))
        use_batch_statistics(self).to(memory_format=torch.channels_last)

    def forward(self, x: Tensor, mix: Sequence[Tensor]) -> Tensor:
        x = self.stem(x)
        for layer, weights in zip(self.layers, mix):
            x = layer(x, weights)
        return self.tail(x)

    def inherit(self, arch: Arch) -> nn.Module:
        blocks = [layer.candidates[option] for layer, option in zip(self.layers, arch)]
        return copy.deepcopy(nn.Sequential(self.stem, *blocks, self.tail))
