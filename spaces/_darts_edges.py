"""All edges of a mixed cell that leave one state, computed together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces._depthwise import depthwise, dilated, even, interleaves, join, split
from spaces._operations import even_and_odd
from spaces._pixels import flat, maps, multiply, pointwise
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
            found = [dense_gradient(norm(torch.cat(pooled, 1)))] if pooled else []
            self._plain[names] = torch.cat([*found, self.x] if "skip_connect" in names else found, 1)
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

    def forward(self, state: State, mix: list[Tensor], wanted: list[tuple[int, ...]]) -> Tensor:
        """What the edges carry, side by side: the wanted candidates' sum weighted by each edge's mix."""
        if len(set(wanted)) == 1 and wanted[0]:
            return self._together(state, range(self.edges), wanted[0], torch.stack(mix))
        carried = [state.x[:, :, :: self.stride, :: self.stride] * 0.0] * self.edges
        for candidates in set(wanted) - {()}:
            edges = [e for e in range(self.edges) if wanted[e] == candidates]
            y = self._together(state, edges, candidates, torch.stack([mix[e] for e in edges]))
            for e, part in zip(edges, y.split(self.channels, 1)):
                carried[e] = part
        return torch.cat(carried, 1)

    def _together(self, state: State, edges: Sequence[int], candidates: tuple[int, ...], mix: Tensor) -> Tensor:
        """Edges that want the same candidates: their maps side by side. mix: (edges, candidates)."""
        names = [CANDIDATES[k] for k in candidates]
        scales = dict(zip(CANDIDATES, mix.t().repeat_interleave(self.channels, 1).unbind()))
        terms = self._separable(state, edges, [name for name in names if name in SEPARABLE], scales)
        terms += self._dilated(state, edges, [name for name in names if name in DILATED], scales)
        if plain := tuple(name for name in names if name not in self.stacks):
            shares = mix[:, [CANDIDATES.index(name) for name in plain]]
            terms.append(blend(state.plain(plain), shares))
        if "skip_connect" in names and "skip_connect" in self.stacks:
            terms.append(self._reduce(state, edges, scales["skip_connect"]))
        return total(terms)

    def _separable(
        self, state: State, edges: Sequence[int], names: list[str], scales: dict[str, Tensor]
    ) -> list[Tensor]:
        if not names:
            return []
        x, ends = spread(state.relu, len(edges)), []
        for name in names:
            first, mixing, second, weight = self._picked(name, edges)
            hidden = F.relu_(norm(pointwise(depthwise(x, first, self.stride), mixing)))
            ends.append(norm(pointwise(depthwise(hidden, second), weight), scales[name]))
        return ends

    def _dilated(self, state: State, edges: Sequence[int], names: list[str], scales: dict[str, Tensor]) -> list[Tensor]:
        if not names:
            return []
        convolve: Callable[[Tensor, Tensor], Tensor] = depthwise
        x = state.lattice
        if x is None:
            x, convolve = state.relu, partial(dilated, stride=self.stride)
        x, ends = spread(x, len(edges)), []
        for name in names:
            first, weight = self._picked(name, edges)
            ends.append(norm(pointwise(convolve(x, first), weight), scales[name]))
        return [join(total(ends))] if state.lattice is not None and self.stride == 1 else ends

    def _reduce(self, state: State, edges: Sequence[int], scale: Tensor) -> Tensor:
        """FactorizedReduce (see `_operations`) of several edges: one convolution of even and odd pixels, side by side;
        each half of an edge's channels reads one of them."""
        inputs, weights = even_and_odd(state.relu), self._picked("skip_connect", edges)
        if state.x.device.type != "cpu":
            halves = [F.conv2d(x, weight).unflatten(1, (len(edges), -1)) for x, weight in zip(inputs, weights)]
            return norm(torch.cat(halves, 2).flatten(1, 2), scale)
        z = torch.cat(inputs, 1)
        even, odd = (weight.flatten(1).unflatten(0, (len(edges), -1)) for weight in weights)
        weight = torch.cat([F.pad(even, (0, self.channels)), F.pad(odd, (self.channels, 0))], 1).flatten(0, 1)
        return norm(pointwise(z, weight[..., None, None]), scale)

    def _picked(self, name: str, edges: Sequence[int]) -> list[Tensor]:
        """The stacked weights of some edges."""
        stack = [conv.weight for conv in self.stacks[name]]
        if len(edges) == self.edges:
            return stack
        return [weight.unflatten(0, (self.edges, -1))[edges].flatten(0, 1) for weight in stack]


def spread(x: Tensor, times: int) -> Tensor:
    """The same map for every edge, side by side."""
    return x if times == 1 else torch.cat([x] * times, 1)


def norm(x: Tensor, scale: Tensor | None = None) -> Tensor:
    """Batch normalisation by the batch's own statistics, times a scale for each channel."""
    return F.batch_norm(x, None, None, scale, training=True)


def dense_gradient(x: Tensor) -> Tensor:
    """x, whose gradient may be some channels of a wider one: batch normalisation takes five times as long with that."""
    if x.requires_grad:
        x.register_hook(lambda g: g.contiguous(memory_format=torch.channels_last))
    return x


def total(terms: list[Tensor]) -> Tensor:
    """The sum of at least one map. Only the first sum takes new memory."""
    if len(terms) == 1:
        return terms[0]
    y = terms[0] + terms[1]
    for x in terms[2:]:
        y += x
    return y


def blend(x: Tensor, shares: Tensor) -> Tensor:
    """Weighted sums of maps that lie side by side in x, one sum for each row of `shares`, side by side: on the CPU one
    product, which reads every map once."""
    if x.device.type != "cpu":
        parts = x.chunk(shares.shape[1], 1)
        return torch.cat([total([part * share for part, share in zip(parts, row)]) for row in shares], 1)
    channels = x.shape[1] // shares.shape[1]
    blocks = shares.t()[:, None, :, None] * torch.eye(channels).to(shares)[None, :, None, :]
    return maps(multiply(flat(x), blocks.reshape(1, x.shape[1], -1)), x)
