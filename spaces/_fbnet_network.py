"""FBNet's candidate blocks and its supernet."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.func import functional_call

from spaces._fbnet_stack import Stack
from spaces._layers import MBConv, batch_statistics, conv_bn
from spaces._layerwise import Place
from spaces._network import Supernet
from spaces._steps import as_maps, as_memory
from spaces.base import Arch, Size

if TYPE_CHECKING:
    from spaces.fbnet import Fbnet


def block(option: str, place: Place, bias: bool, e1_pointwise: bool) -> nn.Module:
    """A candidate with fresh weights: `k<kernel>_e<expansion>[_g<groups>]`, or "skip"."""
    if option == "skip":
        return nn.Identity() if place.residual else conv_bn(place.inputs, place.outputs, 1, place.stride)
    kernel, expansion, groups = (int(part[1:]) for part in (option + "_g1").split("_")[:3])
    return MBConv(place, kernel, expansion, groups, e1_pointwise or expansion > 1, bias)


FIT = 16384
"""Hidden elements of an image up to which blocks are computed together. Several times more, at the usual batches, and
what one operation writes has left the caches when the next one reads it."""


class MixedLayer(nn.Module):
    """The candidates of one layer: blocks, those of a kind together, and the skipped layer."""

    def __init__(self, space: Fbnet, place: Place):
        super().__init__()
        candidates = [space.block(option, place) for option in space.options]
        self.options, self.stride, self.residual = len(candidates), place.stride, place.residual
        blocks = [i for i, candidate in enumerate(candidates) if isinstance(candidate, MBConv)]
        self.members = together(candidates, blocks, place.image)
        self.stacks = nn.ModuleList(Stack([candidates[i] for i in members]) for members in self.members)
        self.skips = nn.ModuleDict({str(i): candidates[i] for i in range(self.options) if i not in blocks})

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        used = range(len(mix)) if mix.requires_grad else mix.nonzero().flatten().tolist()
        if len(used) < len(mix):
            return sum(mix[i] * functional_call(self.template(i), self.weights(i), (x,)) for i in used)
        parts = [stack(x, mix[members]) for stack, members in zip(self.stacks, self.members)]
        if self.residual:
            parts.append(mix.sum() * x)
        else:
            parts += [mix[int(i)] * skip(x) for i, skip in self.skips.items()]
        return sum(parts)

    def _stacked(self, option: int) -> tuple[Stack, int]:
        """Where a block is."""
        stack, members = next(pair for pair in zip(self.stacks, self.members) if option in pair[1])
        return stack, members.index(option)

    def weights(self, option: int) -> dict[str, Tensor]:
        """A candidate's, by the names that they have in it, as views."""
        if str(option) in self.skips:
            return dict(self.skips[str(option)].named_parameters())
        stack, number = self._stacked(option)
        return stack.weights(number)

    def template(self, option: int) -> nn.Module:
        """A candidate; of blocks without the weights."""
        if str(option) in self.skips:
            return self.skips[str(option)]
        stack, number = self._stacked(option)
        return stack.blocks[number]

    def inherit(self, option: int) -> nn.Module:
        """A candidate with a copy of its weights."""
        block = copy.deepcopy(self.template(option))
        block.load_state_dict({name: w.detach().clone() for name, w in self.weights(option).items()}, assign=True)
        return block


def together(candidates: Sequence[nn.Module], blocks: Sequence[int], image: int) -> list[list[int]]:
    """Numbers of blocks that make a stack: of equal kernels, with or without an expansion, as many as `FIT` the caches."""

    def kind(i: int) -> tuple[int, bool]:
        return candidates[i].depthwise[0].kernel_size[0], candidates[i].expand is not None

    runs: list[list[int]] = []
    for i in sorted(blocks, key=kind):
        width = sum(candidates[j].depthwise[0].in_channels for j in [*(runs[-1] if runs else []), i])
        if not runs or kind(runs[-1][0]) != kind(i) or width * image**2 > FIT:
            runs.append([])
        runs[-1].append(i)
    return runs


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
        x = as_maps(as_memory(self.stem(x.contiguous(memory_format=torch.channels_last))))
        for layer, weights in zip(self.layers, mix):
            x = layer(x, weights)
        return self.tail(x)

    def inherit(self, arch: Arch) -> nn.Module:
        blocks = [layer.inherit(option) for layer, option in zip(self.layers, arch)]
        return nn.Sequential(copy.deepcopy(self.stem), *blocks, copy.deepcopy(self.tail))
