"""The faster forms of the shared parts on a CPU: see `spaces.parts.cpu.channelwise` for how they compute."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from spaces.parts.cpu.blocks import FastConvBn, FastMBConv
from spaces.parts.cpu.channelwise import compute_fused, compute_units, reduce_map
from spaces.parts.cpu.fuse import Fused
from spaces.parts.cpu.kernels import EPS
from spaces.parts.cpu.mixed_cell import Fan
from spaces.parts.cpu.plan.networks import FastCellNetwork, FastLayerwiseNetwork
from spaces.parts.cpu.pooling import over_images
from spaces.parts.cpu.rearrange import concatenate, split_channels
from spaces.parts.mixed_cells import MixedCell, VariedCell, Wanted
from spaces.parts.operations import Concat, DilConv, FactorizedReduce, ReluConvBn, SepConv
from spaces.parts.varied_edges import PartialEdge

__all__ = [
    "FastAvgPool",
    "FastBatchNorm",
    "FastCellNetwork",
    "FastConcat",
    "FastConvBn",
    "FastDilConv",
    "FastFactorizedReduce",
    "FastLayerwiseNetwork",
    "FastMBConv",
    "FastMaxPool",
    "FastMixedCell",
    "FastReluConvBn",
    "FastSepConv",
    "FastVariedCell",
]


class FastBatchNorm(Fused, nn.BatchNorm2d):
    def fast(self, x: Tensor) -> Tensor:
        return compute_fused(x, self) if self._usual() else nn.BatchNorm2d.forward(self, x)

    def _usual(self) -> bool:
        """Whether the kernels know it: torch's eps, and a scale and a shift wherever there are running averages."""
        return self.eps == EPS and (self.affine or not self.track_running_stats)


class FastMaxPool(Fused, nn.MaxPool2d):
    def fast(self, x: Tensor) -> Tensor:
        return over_images(lambda maps: nn.MaxPool2d.forward(self, maps), x)


class FastAvgPool(Fused, nn.AvgPool2d):
    def fast(self, x: Tensor) -> Tensor:
        return over_images(lambda maps: nn.AvgPool2d.forward(self, maps), x)


class FastReluConvBn(Fused, ReluConvBn):
    def fast(self, x: Tensor) -> Tensor:
        return compute_units(x, self)


class FastDilConv(Fused, DilConv):
    def fast(self, x: Tensor) -> Tensor:
        return compute_units(x, self)


class FastSepConv(Fused, SepConv):
    def fast(self, x: Tensor) -> Tensor:
        return compute_units(x, self)


class FastFactorizedReduce(Fused, FactorizedReduce):
    def fast(self, x: Tensor) -> Tensor:
        return reduce_map(x, (self.conv_1, self.conv_2), self.bn, relu=isinstance(self.relu, nn.ReLU))


class FastConcat(Fused, Concat):
    def fast(self, first: Tensor, *others: Tensor) -> Tensor:
        return concatenate((first, *others))


class FastMixedCell(Fused, MixedCell):
    """State by state instead of edge by edge: all edges that leave a state are computed together."""

    def prepare(self) -> list[tuple[list[int], Fan]]:
        """For each state except the last the places of the edges that leave it, and these edges."""
        leaving = [[k for k, source in enumerate(self.sources) if source == state] for state in range(self.nodes + 1)]
        return [(places, Fan([self.edges[k] for k in places])) for places in leaving]

    def fast(self, before: Tensor, last: Tensor, mix: Sequence[Tensor], wanted: Wanted) -> Tensor:
        def carried(source: int, x: Tensor) -> Tensor:
            places, fan = self._prepared[source]
            return fan.forward(x, [mix[k] for k in places], [wanted[k] for k in places])

        if any(weights.dim() > 1 for weights in mix):  # of each image its own
            return MixedCell.forward(self, before, last, mix, wanted)
        return _state_by_state(self, before, last, carried)


class FastVariedCell(Fused, VariedCell):
    """Edges with partial channels as `FastMixedCell` computes plain ones; edges of other kinds as they are defined."""

    def prepare(self) -> list[tuple[list[int], Fan]]:
        """As that of `FastMixedCell`, of the operations behind the split."""
        if not all(isinstance(edge, PartialEdge) for edge in self.edges):
            return []
        leaving = [[k for k, source in enumerate(self.sources) if source == state] for state in range(self.nodes + 1)]
        return [(places, Fan([self.edges[k].plain() for k in places])) for places in leaving]

    def fast(self, before: Tensor, last: Tensor, mix: Sequence[Tensor], wanted: Wanted) -> Tensor:
        def carried(source: int, x: Tensor) -> Tensor:
            places, fan = self._prepared[source]
            edge = self.edges[places[0]]
            first, others = edge.split(x)
            mixed = fan.forward(first, [mix[k] for k in places], [wanted[k] for k in places])
            parts = mixed.split(first.shape[1], 1)
            return concatenate([edge.join(part, mix[k].sum() * others) for k, part in zip(places, parts)])

        if not self._prepared:
            return VariedCell.forward(self, before, last, mix, wanted)
        return _state_by_state(self, before, last, carried)


def _state_by_state(cell: MixedCell, before: Tensor, last: Tensor, carried: Callable[[int, Tensor], Tensor]) -> Tensor:
    """The result of a cell. carried: from a state's number and map the results of the edges that leave it, concatenated
    along the channels."""
    first, x, nodes = cell.preprocess0(before), cell.preprocess1(last), []
    sums = carried(0, first)  # of the nodes that are not complete yet
    for source in range(1, cell.nodes + 1):
        x, sums = split_channels(sums + carried(source, x), first.shape[1])
        nodes.append(x)
    return concatenate(nodes)
