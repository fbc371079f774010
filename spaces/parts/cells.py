"""The network of stacked cells that evaluates any genotype (quark0/darts, cnn/model.py)."""

from __future__ import annotations

from torch import Tensor, nn

from spaces.base import Size
from spaces.parts.auxiliary import AuxiliaryHead
from spaces.parts.cpu.channelwise import BatchNorm
from spaces.parts.cpu.rearrange import concatenate
from spaces.parts.genotype import Edge, Genotype
from spaces.parts.network import DropPath, Network
from spaces.parts.operations import FactorizedReduce, ReluConvBn, operation


def reductions(cells: int) -> tuple[int, int]:
    """Positions of the two cells that halve the map and double the channels. In networks of one cell both are 0."""
    return cells // 3, 2 * cells // 3


class Cell(nn.Module):
    """One cell: two preprocessed inputs, nodes that add two operations each, and a concatenation of states.

    States 0 and 1 are the inputs, 2 and more the nodes. `inputs`: channels of the cell before the last and of the last
    one; `halved`: whether the last cell halved the map. In a reduction cell, an input that the concatenation lists
    (ENAS' loose ends) passes a FactorizedReduce, so that its map is as small as those of the nodes.
    """

    def __init__(
        self,
        edges: tuple[Edge, ...],
        concat: tuple[int, ...],
        inputs: tuple[int, int],
        channels: int,
        reduction: bool,
        halved: bool,
        search: bool,
    ):
        super().__init__()
        self.sources = [source for _, source in edges]
        self.concat = concat
        self.preprocess0 = (FactorizedReduce if halved else ReluConvBn)(inputs[0], channels, search)
        self.preprocess1 = ReluConvBn(inputs[1], channels, search)
        self.operations = nn.ModuleList(
            operation(name, channels, 2 if reduction and source < 2 else 1, search) for name, source in edges
        )
        loose = [state for state in concat if state < 2 and reduction]
        self.loose = nn.ModuleDict({str(state): FactorizedReduce(channels, channels, search) for state in loose})

    def forward(self, before: Tensor, last: Tensor, drop: DropPath | None = None) -> Tensor:
        states = [self.preprocess0(before), self.preprocess1(last)]
        for i in range(0, len(self.operations), 2):
            states.append(self._edge(i, states, drop) + self._edge(i + 1, states, drop))
        for state, reduce in self.loose.items():
            states[int(state)] = reduce(states[int(state)])
        return concatenate([states[state] for state in self.concat])

    def _edge(self, i: int, states: list[Tensor], drop: DropPath | None) -> Tensor:
        apply = self.operations[i]
        y = apply(states[self.sources[i]])
        return y if drop is None or isinstance(apply, nn.Identity) else drop(y)


def cifar_stem(inputs: int, channels: int, search: bool = False) -> nn.Sequential:
    """One 3x3 convolution to `channels`. Its batch normalisation has a scale and a shift in the search form too."""
    norm = BatchNorm(channels, track_running_stats=not search)
    return nn.Sequential(nn.Conv2d(inputs, channels, 3, padding=1, bias=False), norm)


def imagenet_stems(inputs: int, channels: int, search: bool = False) -> tuple[nn.Sequential, nn.Sequential]:
    """Three convolutions of stride 2: the first stem ends at a quarter of the image's side, the second at an eighth."""

    def conv(a: int, b: int) -> list[nn.Module]:
        return [nn.Conv2d(a, b, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(b, track_running_stats=not search)]

    first = nn.Sequential(*conv(inputs, channels // 2), nn.ReLU(), *conv(channels // 2, channels))
    return first, nn.Sequential(nn.ReLU(), *conv(channels, channels))


class CellNetwork(Network):
    """Stem, `size.cells` cells with reductions at one and two thirds, global pooling, linear classifier.

    `search` builds operations in their search form (see `spaces.parts.operations`): what a supernet's path computes.
    """

    def __init__(self, genotype: Genotype, size: Size, search: bool = False):
        super().__init__()
        imagenet = size.stem == "imagenet"
        if imagenet:
            self.stem, self.stem2 = imagenet_stems(size.inputs, size.channels, search)
            inputs = (size.channels, size.channels)
        else:
            self.stem, self.stem2 = cifar_stem(size.inputs, 3 * size.channels, search), None
            inputs = (3 * size.channels, 3 * size.channels)
        channels, halved = size.channels, imagenet
        self.cells = nn.ModuleList()
        for i in range(size.cells):
            reduction = i in reductions(size.cells)
            channels *= 2 if reduction else 1
            edges, concat = (
                (genotype.reduce, genotype.reduce_concat) if reduction else (genotype.normal, genotype.normal_concat)
            )
            self.cells.append(Cell(edges, concat, inputs, channels, reduction, halved, search))
            inputs, halved = (inputs[1], len(concat) * channels), reduction
            if size.auxiliary and i == reductions(size.cells)[1]:
                self.auxiliary = AuxiliaryHead(inputs[1], size.classes, imagenet)
        self.auxiliary_after = reductions(size.cells)[1]
        self.classifier = nn.Linear(inputs[1], size.classes)

    def forward(self, x: Tensor, drop: DropPath | None = None) -> tuple[Tensor, Tensor | None]:
        before = self.stem(x)
        last = before if self.stem2 is None else self.stem2(before)
        auxiliary = None
        for i, cell in enumerate(self.cells):
            before, last = last, cell(before, last, drop)
            if i == self.auxiliary_after and self.auxiliary is not None and self.training:
                auxiliary = self.auxiliary(last)
        return self.classifier(last.mean((2, 3))), auxiliary
