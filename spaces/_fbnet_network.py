"""FBNet's candidate blocks and its supernet."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from spaces._fbnet_stack import Stack
from spaces._layers import MBConv, batch_statistics, conv_bn
from spaces._layerwise import Place
from spaces._network import Supernet
from spaces.base import Arch, Size

if TYPE_CHECKING:
    from spaces.fbnet import Fbnet


def block(option: str, place: Place, bias: bool, e1_pointwise: bool) -> nn.Module:
    """A candidate with fresh weights: `k<kernel>_e<expansion>[_g<groups>]`, or "skip"."""
    if option == "skip":
        return nn.Identity() if place.residual else conv_bn(place.inputs, place.outputs, 1, place.stride)
    kernel, expansion, groups = (int(part[1:]) for part in (option + "_g1").split("_")[:3])
    return MBConv(place, kernel, expansion, groups, e1_pointwise or expansion > 1, bias)


class MixedLayer(nn.Module):
    """The candidates of one layer. Identities, the skipped layer's and the residuals', are added once, with the sum of
    their weights."""

    def __init__(self, space: Fbnet, place: Place):
        super().__init__()
        self.candidates = nn.ModuleList(space.block(option, place) for option in space.options)
        self.residual = place.residual
        self.stacks: dict[tuple[int, ...], Stack] = {}

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        used = [i for i in range(len(mix)) if mix.requires_grad or mix[i] != 0]
        blocks = tuple(i for i in used if isinstance(self.candidates[i], MBConv))
        branches = [mix.sum() * x] if self.residual else []
        if x.device.type == "cpu" and len(blocks) > 1:
            branches.append(self.stack(blocks)(x, mix[list(blocks)]))
        else:
            branches += [mix[i] * self.candidates[i].branch(x) for i in blocks]
        skips = [i for i in used if i not in blocks and not self.residual]
        return sum(branches + [mix[i] * self.candidates[i](x) for i in skips])

    def stack(self, blocks: tuple[int, ...]) -> Stack:
        if blocks not in self.stacks:
            self.stacks[blocks] = Stack([self.candidates[i] for i in blocks])
        return self.stacks[blocks]


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
        x = self.stem(x.contiguous(memory_format=torch.channels_last))
        for layer, weights in zip(self.layers, mix):
            x = layer(x, weights)
        return self.tail(x)

    def inherit(self, arch: Arch) -> nn.Module:
        blocks = [layer.candidates[option] for layer, option in zip(self.layers, arch)]
        return copy.deepcopy(nn.Sequential(self.stem, *blocks, self.tail))
