"""All edges of a mixed cell that leave one state, computed together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces._depthwise import depthwise, dilated, even, interleaves, join, split
from spaces._operations import even_and_odd
from spaces.darts import CANDIDATES

SEPARABLE = {"sep_conv_3x3": 3, "sep_conv_5x5": 5}
DILATED = {"dil_conv_3x3": 3, "dil_conv_5x5": 5}
POOLS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "max_pool_3x3": lambda x, stride: F.max_pool2d(x, 3, stride, 1),
    "avg_pool_3x3": lambda x, stride: F.avg_pool2d(x, 3, stride, 1, count_include_pad=False),
}


class State:
    """A map in a cell, and what several candidates want of it: computed when first wanted, and once."""

    def __init__(self, x: Tensor, stride: int):
        self.x, self.stride = x, stride
        self._plain: dict[tuple[str, ...], Tensor] = {}

    @cached_property
    def relu(self) -> Tensor:
        return F.relu(self.x)

    def plain(self, names: tuple[str, ...]) -> Tensor:
        """The maps of candidates without weights, side by side; pooled ones are batch-normalised, together."""
        if names not in self._plain:
            pooled = [POOLS[name](self.x, self.stride) for name in names if name in POOLS]
            maps = [norm(torch.cat(pooled, 1))] if pooled else []
            self._plain[names] = torch.cat([*maps, self.x] if "skip_connect" in names else maps, 1)
        return self._plain[names]

    @cached_property
    def lattice(self) -> Tensor | None:
        """The map on which a dilated convolution is an ordinary one, where there is one."""
        if self.x.device.type != "cpu":
            return None
        if self.stride == 2:
            return even(self.relu)
        return split(self.relu) if interleaves(self.relu) else None


class Fan(nn.Module):
    """The edges that leave one state: the same candidates, each edge with weights of its own.

    Convolutions are stacked: `wide` channels are those of all edges, edge after edge, in one group an edge.
    """

    def __init__(self, channels: int, edges: int, stride: int):
        super().__init__()
        self.channels, self.edges, self.stride = channels, edges, stride
        self.stacks = nn.ModuleDict({name: self._stack(kernel, 2) for name, kernel in SEPARABLE.items()})
        self.stacks.update({name: self._stack(kernel, 1) for name, kernel in DILATED.items()})
        if stride == 2:
            halves = (channels // 2, channels - channels // 2)
            self.stacks["skip_connect"] = nn.ModuleList(
                nn.Conv2d(channels, edges * half, 1, bias=False) for half in halves
            )

    def _stack(self, kernel: int, times: int) -> nn.ModuleList:
        wide, stack = self.edges * self.channels, nn.ModuleList()
        for _ in range(times):
            stack.append(nn.Conv2d(wide, wide, kernel, groups=wide, bias=False))
            stack.append(nn.Conv2d(wide, wide, 1, groups=self.edges, bias=False))
        return stack

    def weights(self, edge: int, name: str) -> list[Tensor]:
        """The weights of one candidate on one edge, as views."""
        return [conv.weight.chunk(self.edges)[edge] for conv in self.stacks[name]] if name in self.stacks else []

    def forward(self, state: State, mix: list[Tensor], wanted: list[tuple[int, ...]]) -> list[Tensor | None]:
        """What each edge carries: the wanted candidates' sum weighted by the edge's mix, None where none is wanted."""
        maps: list[Tensor | None] = [None] * self.edges
        for candidates in set(wanted) - {()}:
            edges = [e for e in range(self.edges) if wanted[e] == candidates]
            y = self._together(state, edges, [CANDIDATES[k] for k in candidates], torch.stack([mix[e] for e in edges]))
            for e, part in zip(edges, y.split(self.channels, 1)):
                maps[e] = part
        return maps

    def _together(self, state: State, edges: list[int], names: list[str], mix: Tensor) -> Tensor:
        """Edges that want the same candidates: their maps side by side. mix: (edges, candidates)."""
        scales = dict(zip(CANDIDATES, mix.t().repeat_interleave(self.channels, 1).unbind()))
        maps = self._separable(state, edges, [name for name in names if name in SEPARABLE], scales)
        maps += self._dilated(state, edges, [name for name in names if name in DILATED], scales)
        plain = tuple(name for name in names if name not in self.stacks)
        if plain:
            shares = mix[:, [CANDIDATES.index(name) for name in plain]]
            maps.append(blend(state.plain(plain), shares))
        if "skip_connect" in names and "skip_connect" in self.stacks:
            maps.append(self._reduce(state, edges, scales["skip_connect"]))
        return add(maps)

    def _separable(self, state: State, edges: list[int], names: list[str], scales: dict[str, Tensor]) -> list[Tensor]:
        if not names:
            return []
        x, maps = spread(state.relu, len(edges)), []
        for name in names:
            first, mixing, second, last = self._picked(name, edges)
            y = F.relu_(norm(F.conv2d(depthwise(x, first, self.stride), mixing, groups=len(edges))))
            maps.append(norm(F.conv2d(depthwise(y, second), last, groups=len(edges)), scales[name]))
        return maps

    def _dilated(self, state: State, edges: list[int], names: list[str], scales: dict[str, Tensor]) -> list[Tensor]:
        if not names:
            return []
        convolve: Callable[[Tensor, Tensor], Tensor] = depthwise
        x = state.lattice
        if x is None:
            x, convolve = state.relu, partial(dilated, stride=self.stride)
        x, maps = spread(x, len(edges)), []
        for name in names:
            first, last = self._picked(name, edges)
            maps.append(norm(F.conv2d(convolve(x, first), last, groups=len(edges)), scales[name]))
        y = add(maps)
        return [join(y) if state.lattice is not None and self.stride == 1 else y]

    def _reduce(self, state: State, edges: list[int], scale: Tensor) -> Tensor:
        """FactorizedReduce (see `_operations`) of several edges; each edge's channels are put back side by side."""
        halves = []
        for weight, x in zip(self._picked("skip_connect", edges), even_and_odd(state.relu)):
            y = F.conv2d(x, weight).permute(0, 2, 3, 1)
            halves.append(y.unflatten(3, (len(edges), -1)))
        return norm(torch.cat(halves, 4).flatten(3).permute(0, 3, 1, 2), scale)

    def _picked(self, name: str, edges: Sequence[int]) -> list[Tensor]:
        """The stacked weights of some edges."""
        stack = [conv.weight for conv in self.stacks[name]]
        if len(edges) == self.edges:
            return stack
        return [weight.unflatten(0, (self.edges, -1))[edges].flatten(0, 1) for weight in stack]


def norm(x: Tensor, scale: Tensor | None = None) -> Tensor:
    """Batch normalisation by the batch's own statistics, times a scale for each channel."""
    return F.batch_norm(x, None, None, scale, training=True)


def spread(x: Tensor, times: int) -> Tensor:
    """The same map for every edge, side by side."""
    return x if times == 1 else torch.cat([x] * times, 1)


def add(maps: list[Tensor]) -> Tensor:
    """The sum of at least one map. Only the first sum takes new memory."""
    if len(maps) == 1:
        return maps[0]
    total = maps[0] + maps[1]
    for x in maps[2:]:
        total += x
    return total


def blend(maps: Tensor, shares: Tensor) -> Tensor:
    """Weighted sums of maps that lie side by side, one sum for each row of `shares`, side by side.

    On the CPU several are one 1x1 convolution of diagonal blocks: it reads every map once.
    """
    if len(shares) == 1 or maps.device.type != "cpu":
        parts = maps.chunk(shares.shape[1], 1)
        return torch.cat([add([x * share for x, share in zip(parts, row)]) for row in shares], 1)
    channels = maps.shape[1] // shares.shape[1]
    blocks = shares[:, None, :, None] * torch.eye(channels).to(shares)[None, :, None, :]
    return F.conv2d(maps, blocks.reshape(len(shares) * channels, -1, 1, 1))
