"""The supernet of DARTS (quark0/darts, cnn/model_search.py), computed state by state instead of edge by edge.

All edges that leave a state are computed together. ReLU, pooling with its batch normalisation, and the maps that
dilated convolutions read are computed once per state; the convolutions of its edges are stacked into grouped ones; a
candidate's weight is applied as the scale of the batch normalisation that ends it. `tests/reference/darts.py` is the
readable form, edge by edge.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from spaces.base import Arch, Size
from spaces.darts.choices import CANDIDATES, CONCAT, NODES, decode, encode
from spaces.darts.fused import Fan
from spaces.parts.cells import CellNetwork, cifar_stem, imagenet_stems, reductions
from spaces.parts.cpu.rearrange import concatenate, split_channels
from spaces.parts.genotype import Edge, Genotype
from spaces.parts.network import Supernet
from spaces.parts.operations import FactorizedReduce, ReluConvBn
from spaces.parts.shared_map import SharedMap

EDGES = tuple((node, source) for node in range(NODES) for source in range(node + 2))
"""(node, source) of each place of a cell: by node, then by source. Sources 0 and 1 are the cell's inputs."""
PICKS = tuple(range(1, len(CANDIDATES)))
"""The candidates that compute something: all except `none`."""


class MixedCell(nn.Module):
    """A cell with every candidate on every edge. Arguments as those of `spaces.parts.cells.Cell`."""

    def __init__(self, inputs: tuple[int, int], channels: int, reduction: bool, halved: bool):
        super().__init__()
        self.channels = channels
        self.preprocess0 = (FactorizedReduce if halved else ReluConvBn)(inputs[0], channels, search=True)
        self.preprocess1 = ReluConvBn(inputs[1], channels, search=True)
        self.leaving = [[k for k, edge in enumerate(EDGES) if edge[1] == source] for source in range(NODES + 1)]
        self.strides = [2 if reduction and source < 2 else 1 for source in range(NODES + 1)]
        self.fans = nn.ModuleList(
            Fan(channels, len(places), stride) for places, stride in zip(self.leaving, self.strides)
        )

    def forward(self, before: Tensor, last: Tensor, mix: Sequence[Tensor], wanted: Sequence[tuple[int, ...]]) -> Tensor:
        """before, last: the outputs of the two previous cells; mix and `wanted` (the candidates to compute): per
        place."""
        first, x = self.preprocess0(before), self.preprocess1(last)
        sums, nodes = self._carried(0, first, mix, wanted), []  # sums: of the nodes that are not complete yet
        for source in range(1, NODES + 1):
            x, sums = split_channels(sums + self._carried(source, x, mix, wanted), self.channels)
            nodes.append(x)
        return concatenate(nodes)

    def _carried(self, source: int, x: Tensor, mix: Sequence[Tensor], wanted: Sequence[tuple[int, ...]]) -> Tensor:
        """The results of the edges that leave a source, concatenated along the channels."""
        places = self.leaving[source]
        state = SharedMap(x, self.strides[source])
        return self.fans[source](state, [mix[k] for k in places], [wanted[k] for k in places])

    def weights(self, place: int, candidate: int) -> list[Tensor]:
        """The weights of one candidate on one edge: views, in the order of `operation(…).parameters()`."""
        _, source = EDGES[place]
        return self.fans[source].weights(self.leaving[source].index(place), CANDIDATES[candidate])


class DartsSupernet(Supernet):
    """All architectures of the space. Places 0 to 13 are the edges of the normal cell, in the order of `EDGES`, places
    14 to 27 those of the reduction cell; the candidates are `CANDIDATES`. There is no auxiliary head."""

    shape = (len(CANDIDATES),) * (2 * len(EDGES))

    def __init__(self, size: Size):
        super().__init__()
        self.size = size
        imagenet = size.stem == "imagenet"
        if imagenet:
            self.stem, self.stem2 = imagenet_stems(size.inputs, size.channels, search=True)
        else:
            self.stem, self.stem2 = cifar_stem(size.inputs, 3 * size.channels, search=True), None
        inputs, channels, halved = (size.channels * (1 if imagenet else 3),) * 2, size.channels, imagenet
        self.reductions = reductions(size.cells)
        self.cells = nn.ModuleList()
        for i in range(size.cells):
            reduction = i in self.reductions
            channels *= 2 if reduction else 1
            self.cells.append(MixedCell(inputs, channels, reduction, halved))
            inputs, halved = (inputs[1], NODES * channels), reduction
        self.classifier = nn.Linear(inputs[1], size.classes)

    def forward(self, x: Tensor, mix: Sequence[Tensor]) -> Tensor:
        mix, wanted = [weights.to(x) for weights in mix], _wanted(mix)
        half = len(EDGES)
        before = self.stem(x)
        last = before if self.stem2 is None else self.stem2(before)
        for i, cell in enumerate(self.cells):
            which = slice(half, None) if i in self.reductions else slice(half)
            before, last = last, cell(before, last, mix[which], wanted[which])
        return self.classifier(last.mean((2, 3)))

    def derive(self, mix: Sequence[Tensor]) -> Arch:
        return encode(published_rule(mix))

    def path(self, arch: Arch) -> list[Tensor]:
        """One-hot weights on the CPU, wherever the supernet is: `forward` reads there which candidates to compute."""
        mix = [torch.zeros(candidates) for candidates in self.shape]
        genotype = decode(arch)
        for first, edges in ((0, genotype.normal), (len(EDGES), genotype.reduce)):
            for place, (operation, _) in zip(_places(edges), edges):
                mix[first + place][CANDIDATES.index(operation)] = 1.0
        return mix

    def inherit(self, arch: Arch) -> nn.Module:
        genotype = decode(arch)
        with torch.device("meta"):  # all its weights are copied below: none need to be drawn
            network = CellNetwork(genotype, self.size, search=True)
        network.to_empty(device=self.classifier.weight.device).to(self.classifier.weight)
        with torch.no_grad():
            for mine, its in self._pairs(genotype, network):
                its.copy_(mine)
        return Logits(network)

    def _pairs(self, genotype: Genotype, network: CellNetwork) -> list[tuple[Tensor, Tensor]]:
        """This supernet's weights, each with that of a network of the same operations."""
        shared = [(self.stem, network.stem), (self.stem2, network.stem2), (self.classifier, network.classifier)]
        pairs = []
        for i, (mixed, cell) in enumerate(zip(self.cells, network.cells)):
            shared += [(mixed.preprocess0, cell.preprocess0), (mixed.preprocess1, cell.preprocess1)]
            edges = genotype.reduce if i in self.reductions else genotype.normal
            for place, (name, _), operation in zip(_places(edges), edges, cell.operations):
                pairs += zip(mixed.weights(place, CANDIDATES.index(name)), operation.parameters())
        for mine, its in shared:
            pairs += zip(mine.parameters(), its.parameters()) if mine is not None else []
        return pairs


class Logits(nn.Module):
    """A network without its auxiliary output."""

    def __init__(self, network: CellNetwork):
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)[0]


def published_rule(mix: Sequence[Tensor]) -> Genotype:
    """The genotype that the public code reads from mixture weights (model_search.py, genotype()). mix: 28 vectors of 8.

    Each node keeps the two incoming edges whose heaviest candidate, `none` excepted, weighs most, each edge with that
    candidate. The heavier edge comes first; of equal edges the lower source, of equal candidates the first.
    """
    half = len(EDGES)
    cells = [_published_cell([weights.tolist() for weights in part]) for part in (mix[:half], mix[half:])]
    return Genotype(cells[0], CONCAT, cells[1], CONCAT)


def _published_cell(rows: list[list[float]]) -> tuple[Edge, ...]:
    edges: list[Edge] = []
    for node in range(NODES):
        into = [(source, row) for (to, source), row in zip(EDGES, rows) if to == node]
        into.sort(key=lambda edge: -max(edge[1][k] for k in PICKS))
        edges += [(CANDIDATES[max(PICKS, key=row.__getitem__)], source) for source, row in into[:2]]
    return tuple(edges)


def _places(edges: tuple[Edge, ...]) -> list[int]:
    """The place of each edge of a genotype's cell."""
    return [EDGES.index((i // 2, source)) for i, (_, source) in enumerate(edges)]


def _wanted(mix: Sequence[Tensor]) -> list[tuple[int, ...]]:
    """The candidates of each place that must be computed."""
    return [
        PICKS
        if weights.requires_grad
        else tuple(k for k, weight in enumerate(weights.tolist()) if k in PICKS and weight)
        for weights in mix
    ]
