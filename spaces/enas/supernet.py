"""ENAS' supernet: a stack of layers that share their weights between all architectures (see `SharedLayer`)."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.base import Arch, Size
from spaces.enas.choices import OPERATIONS, SIDES, layout
from spaces.enas.path import EnasPath, PathLayer
from spaces.enas.shared_layer import SharedLayer, wire
from spaces.parts.network import Supernet, use_batch_statistics
from spaces.parts.stack import cifar_stem, imagenet_stems


class EnasSupernet(Supernet):
    """All architectures of the micro space. Places 0 to 9 are the sides of the normal cell, block by block, places 10
    to 19 those of the reduction cell; candidate k of a side is operation k % 5 on input k // 5. There is no auxiliary
    head.

    Fresh weights follow He's rule, as the authors' do.
    """

    shape = tuple(inputs * len(OPERATIONS) for inputs in 2 * SIDES)

    def __init__(self, size: Size, macro: str = "darts"):
        super().__init__()
        large = size.stem == "imagenet"
        if large:
            self.stem, self.stem2 = imagenet_stems(size.inputs, size.channels)
        else:
            self.stem, self.stem2 = cifar_stem(size.inputs, 3 * size.channels), None
        layers, self.reductions = layout(macro, size.cells)
        inputs, channels, halved = (size.channels * (1 if large else 3),) * 2, size.channels, large
        self.layers = nn.ModuleList()
        for i in range(layers):
            reduction = i in self.reductions
            channels *= 2 if reduction else 1
            self.layers.append(SharedLayer(inputs, channels, reduction, halved))
            inputs, halved = (channels if reduction else inputs[1], channels), False
        self.classifier = nn.Linear(channels, size.classes, bias=False)
        use_batch_statistics(self)

    def forward(self, x: Tensor, mix: Sequence[Tensor]) -> Tensor:
        normal, reduction = wire(mix[: len(SIDES)]), wire(mix[len(SIDES) :])
        before = self.stem(x)
        last = before if self.stem2 is None else self.stem2(before)
        for i, layer in enumerate(self.layers):
            before, last = layer(before, last, reduction if i in self.reductions else normal)
        return self.classifier(F.relu(last).mean((2, 3)))

    def derive(self, mix: Sequence[Tensor]) -> Arch:
        """The candidate with the largest weight at every place, the first of equal ones."""
        return tuple(number for weights in mix for number in divmod(int(weights.argmax()), len(OPERATIONS)))

    def path(self, arch: Arch) -> list[Tensor]:
        """One-hot weights on the CPU, wherever the supernet is: `forward` reads there which candidates to compute."""
        chosen = (source * len(OPERATIONS) + o for source, o in zip(arch[::2], arch[1::2]))
        return [F.one_hot(torch.tensor(k), candidates).float() for k, candidates in zip(chosen, self.shape)]

    def inherit(self, arch: Arch) -> nn.Module:
        half = len(arch) // 2
        with torch.random.fork_rng(devices=[]):  # fresh modules draw weights, which are replaced
            layers = [
                PathLayer(layer, arch[half:] if i in self.reductions else arch[:half])
                for i, layer in enumerate(self.layers)
            ]
        stem, stem2, classifier = (copy.deepcopy(part) for part in (self.stem, self.stem2, self.classifier))
        return EnasPath(stem, stem2, layers, classifier)
