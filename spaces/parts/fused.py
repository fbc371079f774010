"""The faster forms of the shared parts on a CPU: see `spaces.parts.cpu.channelwise` for how they compute."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from spaces.parts.cpu.blocks import FastConvBn, FastMBConv
from spaces.parts.cpu.channelwise import compute_fused, compute_units, reduce_map
from spaces.parts.cpu.fuse import Fused
from spaces.parts.cpu.kernels import EPS
from spaces.parts.cpu.mixed_cell import Fan
from spaces.parts.cpu.plan.networks import FastCellNetwork, FastLayerwiseNetwork
from spaces.parts.cpu.pooling import over_images
from spaces.parts.cpu.rearrange import concatenate, split_channels
from spaces.parts.mixed_cells import MixedCell, Wanted
from spaces.parts.operations import Concat, DilConv, FactorizedReduce, ReluConvBn, SepConv

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
            """The results of the edges that leave a state, concatenated along the channels."""
            places, fan = self._prepared[source]
            return fan.forward(x, [mix[k] for k in places], [wanted[k] for k in places])

        first, x, nodes = self.preprocess0(before), self.preprocess1(last), []
        sums = carried(0, first)  # of the nodes that are not complete yet
        for source in range(1, self.nodes + 1):
            x, sums = split_channels(sums + carried(source, x), first.shape[1])
            nodes.append(x)
        return concatenate(nodes)
