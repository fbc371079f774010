"""FBNet's candidate blocks and its supernet."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.func import functional_call

from spaces.base import Arch, Size, UserError
from spaces.fbnet.fused import Stack
from spaces.parts.blocks import MBConv, batch_statistics, conv_bn
from spaces.parts.cpu.residual_steps import unit
from spaces.parts.layerwise import Place
from spaces.parts.network import Supernet

if TYPE_CHECKING:
    from spaces.fbnet.space import Fbnet


def block(option: str, place: Place, bias: bool, e1_pointwise: bool) -> nn.Module:
    """A candidate with fresh weights: `k<kernel>_e<expansion>[_g<groups>]`, or "skip"."""
    if option == "skip":
        return nn.Identity() if place.residual else conv_bn(place.inputs, place.outputs, 1, place.stride)
    kernel, expansion, groups = (int(part[1:]) for part in (option + "_g1").split("_")[:3])
    return MBConv(place, kernel, expansion, groups, e1_pointwise or expansion > 1, bias)


class MixedLayer(nn.Module):
    """The candidates of one layer: blocks, together, and behind them the skipped layer."""

    def __init__(self, space: Fbnet, place: Place):
        super().__init__()
        *blocks, self.skip = (space.block(option, place) for option in space.options)
        if isinstance(self.skip, MBConv) or not all(isinstance(block, MBConv) for block in blocks):
            raise UserError(f"{type(space).__name__}: of its options {', '.join(space.options)} the last must be skip")
        self.options, self.residual = len(space.options), place.residual
        self.stack = Stack(blocks)

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        used = range(len(mix)) if mix.requires_grad else mix.nonzero().flatten().tolist()
        if len(used) < len(mix):
            return sum(mix[i] * functional_call(self.template(i), self.weights(i), (x,)) for i in used)
        skipped = mix.sum() * x if self.residual else mix[-1] * unit(x, self.skip)
        return self.stack(x, mix[:-1]) + skipped

    def weights(self, option: int) -> dict[str, Tensor]:
        """A candidate's, by the names that they have in it, as views."""
        if option < len(self.stack.blocks):
            return self.stack.weights(option)
        return dict(self.skip.named_parameters())

    def template(self, option: int) -> nn.Module:
        """A candidate; of blocks without the weights."""
        return [*self.stack.blocks, self.skip][option]

    def inherit(self, option: int) -> nn.Module:
        """A candidate with a copy of its weights."""
        block = copy.deepcopy(self.template(option))
        block.load_state_dict({name: w.detach().clone() for name, w in self.weights(option).items()}, assign=True)
        return block


class FbnetSupernet(Supernet):
    """All candidates of all layers: place k is layer k, candidates in the order of the space's options.

    Batch normalisation makes the biases of convolutions in front of it useless, so it is built without them.
    """

    def __init__(self, space: Fbnet, size: Size):
        super().__init__()
        self.shape = space.choices
        stem, tail = space.ends((), size)
        self.stem, self.tail = batch_statistics(stem), batch_statistics(tail)
        self.layers = nn.ModuleList(batch_statistics(MixedLayer(space, place)) for place in space.places(size))
        self.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor, mix: Sequence[Tensor]) -> Tensor:
        x = unit(x, self.stem)
        for layer, weights in zip(self.layers, mix):
            x = layer(x, weights)
        last, *head = self.tail
        x = unit(x, last)
        for part in head:
            x = part(x)
        return x

    def inherit(self, arch: Arch) -> nn.Module:
        blocks = [layer.inherit(option) for layer, option in zip(self.layers, arch)]
        return nn.Sequential(copy.deepcopy(self.stem), *blocks, copy.deepcopy(self.tail))
