"""The supernet of NAS-Bench-201: all five operations on each of the six edges, with one mix for all cells
(AutoDL-Projects, xautodl/models/cell_searchs/search_model_darts.py)."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from spaces.base import Arch, Size
from spaces.nasbench201.network import Nasbench201Stack, operation
from spaces.nasbench201.notation import EDGES, OPERATIONS
from spaces.parts.network import Supernet, use_batch_statistics, used


class MixedCell(nn.Module):
    """A cell with every operation on every edge, whose normalisations learn no scale and no shift."""

    def __init__(self, channels: int):
        super().__init__()
        self.edges = nn.ModuleList(
            nn.ModuleList(operation(name, channels, affine=False) for name in OPERATIONS) for _ in EDGES
        )

    def forward(self, x: Tensor, mix: Sequence[Tensor]) -> Tensor:
        """x: (images, channels, height, width); mix: per edge the weights (5,)."""
        nodes = [x]
        for number in (1, 2, 3):
            into = [(k, source) for k, (node, source) in enumerate(EDGES) if node == number]
            nodes.append(sum((self._edge(k, nodes[source], mix[k]) for k, source in into), start=torch.zeros_like(x)))
        return nodes[-1]

    def _edge(self, k: int, x: Tensor, weights: Tensor) -> Tensor:
        layers = list(self.edges[k])
        return sum((weights[i] * layers[i](x) for i in used(weights)), start=torch.zeros_like(x))


class Path(nn.Module):
    """One operation on each edge of a cell."""

    def __init__(self, mixed: MixedCell, arch: Arch):
        super().__init__()
        self.layers = nn.ModuleList(copy.deepcopy(list(edge)[option]) for edge, option in zip(mixed.edges, arch))

    def forward(self, x: Tensor) -> Tensor:
        nodes = [x]
        for number in (1, 2, 3):
            into = [(layer, source) for layer, (node, source) in zip(self.layers, EDGES) if node == number]
            nodes.append(sum((layer(nodes[source]) for layer, source in into), start=torch.zeros_like(x)))
        return nodes[-1]


class Nasbench201Supernet(Nasbench201Stack, Supernet):
    """All cells of the space. The places are the six edges, in the order of the text."""

    shape = (len(OPERATIONS),) * len(EDGES)

    def __init__(self, size: Size):
        super().__init__(size, MixedCell)
        use_batch_statistics(self)

    def forward(self, x: Tensor, mix: Sequence[Tensor]) -> Tensor:
        *_, last = self.maps(x, [weights.to(x) for weights in mix])
        return self.logits(last)

    def inherit(self, arch: Arch) -> nn.Module:
        cells = [Path(cell, arch) if isinstance(cell, MixedCell) else copy.deepcopy(cell) for cell in self.cells]
        tail = copy.deepcopy(self.lastact), nn.AdaptiveAvgPool2d(1), nn.Flatten(), copy.deepcopy(self.classifier)
        return nn.Sequential(copy.deepcopy(self.stem), *cells, *tail)
