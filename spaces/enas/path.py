"""One architecture of the ENAS supernet as a plain network, operation by operation, with a copy of its weights."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.base import Arch
from spaces.enas.choices import FIRST_READER, OPERATIONS, loose_ends
from spaces.enas.shared_layer import SharedLayer
from spaces.parts.network import use_batch_statistics
from spaces.parts.operations import operation


class PathLayer(nn.Module):
    """A layer with one operation per side and a 1x1 convolution over its loose ends. `cell`: the layer's half of an
    architecture."""

    def __init__(self, layer: SharedLayer, cell: Arch):
        super().__init__()
        self.sources = cell[::2]
        names = [OPERATIONS[o] for o in cell[1::2]]
        self.reduce, self.calibrate0, self.calibrate1, self.norm = (
            copy.deepcopy(module) for module in (layer.reduce, layer.calibrate0, layer.calibrate1, layer.norm)
        )
        self.operations = nn.ModuleList(
            _copy(layer, name, first + source) for name, first, source in zip(names, FIRST_READER, self.sources)
        )
        self.ends = loose_ends(tuple(zip(names, self.sources)))
        self.combine = nn.Parameter(torch.cat([layer.combine[i].detach() for i in self.ends], 1)[:, :, None, None])

    def forward(self, before: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        """The two maps that the next layer takes."""
        if self.reduce is not None:
            before, last = last, self.reduce(last)
        states = [self.calibrate0(before), self.calibrate1(last)]
        sides = list(zip(self.operations, self.sources))
        for (x, x_source), (y, y_source) in zip(sides[::2], sides[1::2]):
            states.append(x(states[x_source]) + y(states[y_source]))
        ends = torch.cat([states[i] for i in self.ends], 1)
        return last, self.norm(F.conv2d(F.relu(ends), self.combine))


def _copy(layer: SharedLayer, name: str, reader: int) -> nn.Module:
    """An operation in its evaluation form with one reader's weights; it normalises with the statistics of the batch."""
    module = operation(name, layer.combine.shape[1], stride=1).to(layer.combine)
    banks = layer.banks[name] if name.startswith("sep_conv") else ()
    shared = [weight[reader] for bank in banks for weight in bank.parameters()]
    with torch.no_grad():
        for weight, source in zip(module.parameters(), shared, strict=True):
            weight.copy_(source.view_as(weight))
    return use_batch_statistics(module)


class EnasPath(nn.Module):
    """x: (images, inputs, image, image) -> logits (images, classes)."""

    def __init__(self, stem: nn.Module, stem2: nn.Module | None, layers: list[PathLayer], classifier: nn.Module):
        """stem2: the second half of a stem for large images; None where there is one stem."""
        super().__init__()
        self.stem, self.stem2, self.classifier, self.layers = stem, stem2, classifier, nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        before = self.stem(x)
        last = before if self.stem2 is None else self.stem2(before)
        for layer in self.layers:
            before, last = layer(before, last)
        return self.classifier(F.relu(last).mean((2, 3)))
