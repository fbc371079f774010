"""The supernet of FBNet's space and of any other layer-wise space whose last option is skip."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call

from spaces.base import Arch, Size, UserError
from spaces.fbnet.fused import Stack
from spaces.parts.blocks import MBConv
from spaces.parts.cpu.inverted_residuals import conv_bn_relu
from spaces.parts.layer_shapes import LayerShape
from spaces.parts.layerwise import Layerwise
from spaces.parts.network import Supernet, use_batch_statistics


class MixedLayer(nn.Module):
    """The candidates of one layer: a stack of blocks, computed together, and the skipped layer."""

    def __init__(self, space: Layerwise, shape: LayerShape):
        """UserError unless the last option of the space is skip and all others are blocks."""
        super().__init__()
        *blocks, self.skip = (space.block(option, shape) for option in space.options)
        if isinstance(self.skip, MBConv) or not all(isinstance(block, MBConv) for block in blocks):
            raise UserError(f"{type(space).__name__}: of its options {', '.join(space.options)} the last must be skip")
        self.options, self.residual = len(space.options), shape.residual
        self.stack = Stack(blocks)

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        """x: (images, inputs, height, width); mix: (options,)."""
        used = range(len(mix)) if mix.requires_grad else mix.nonzero().flatten().tolist()
        if len(used) < len(mix):
            return sum(mix[i] * functional_call(self.template(i), self.weights(i), (x,)) for i in used)
        skipped = mix.sum() * x if self.residual else mix[-1] * conv_bn_relu(x, self.skip)
        return self.stack(x, mix[:-1]) + skipped

    def weights(self, option: int) -> dict[str, Tensor]:
        """The weights of a candidate as views, under their names in the candidate."""
        if option < len(self.stack.blocks):
            return self.stack.weights(option)
        return dict(self.skip.named_parameters())

    def template(self, option: int) -> nn.Module:
        """A candidate as a module; blocks are on the meta device, without weights."""
        return [*self.stack.blocks, self.skip][option]

    def inherit(self, option: int) -> nn.Module:
        """A candidate with a copy of its weights."""
        block = copy.deepcopy(self.template(option))
        block.load_state_dict({name: w.detach().clone() for name, w in self.weights(option).items()}, assign=True)
        return block


class FbnetSupernet(Supernet):
    """All candidates of all layers. Place k is layer k; its candidates are the options of the space, in their order."""

    def __init__(self, space: Layerwise, size: Size):
        """The space's convolutions should have no biases: batch normalisation behind them cancels these."""
        super().__init__()
        self.shape = space.choices
        stem, tail = space.ends((), size)
        self.stem, self.tail = use_batch_statistics(stem), use_batch_statistics(tail)
        self.layers = nn.ModuleList(
            use_batch_statistics(MixedLayer(space, shape)) for shape in space.layer_shapes(size)
        )
        self.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor, mix: Sequence[Tensor]) -> Tensor:
        x = conv_bn_relu(x, self.stem)
        for layer, weights in zip(self.layers, mix):
            x = layer(x, weights)
        last, *head = self.tail
        x = conv_bn_relu(x, last)
        for part in head:
            x = part(x)
        return x

    def inherit(self, arch: Arch) -> nn.Module:
        blocks = [layer.inherit(option) for layer, option in zip(self.layers, arch)]
        return nn.Sequential(copy.deepcopy(self.stem), *blocks, copy.deepcopy(self.tail))
