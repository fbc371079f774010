"""All edges of a mixed cell that leave one state, computed together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces._depthwise import depthwise, dilated, even, interleaves, join, split
from spaces._operations import even_and_odd
from spaces._pixels import blend, center, flat, maps, normed
from spaces.darts import CANDIDATES

SEPARABLE = {"sep_conv_3x3": 3, "sep_conv_5x5": 5}
DILATED = {"dil_conv_3x3": 3, "dil_conv_5x5": 5}
POOLS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "max_pool_3x3": lambda x, stride: F.max_pool2d(x, 3, stride, 1),
    "avg_pool_3x3": lambda x, stride: F.avg_pool2d(x, 3, stride, 1, count_include_pad=False),
}
Term = tuple[Tensor, Tensor]
"""Maps, and the matrix that their channels go through."""


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
            found = [F.batch_norm(torch.cat(pooled, 1), None, None, training=True)] if pooled else []
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
        apart = self._dilated(state, edges, [name for name in names if name in DILATED], scales)
        if state.lattice is None or self.stride == 2:
            terms, apart = terms + apart, []
        if plain := tuple(name for name in names if name not in self.stacks):
            shares = mix[:, [CANDIDATES.index(name) for name in plain]]
            terms.append((state.plain(plain), spreading(shares, self.channels)))
        if "skip_connect" in names and "skip_connect" in self.stacks:
            terms.append(self._reduce(state, edges, scales["skip_connect"]))
        sums = [total(terms)] if terms else []
        sums += [join(total(apart))] if apart else []
        return sums[0] if len(sums) == 1 else sums[0].add_(sums[1])

    def _separable(self, state: State, edges: Sequence[int], names: list[str], scales: dict[str, Tensor]) -> list[Term]:
        if not names:
            return []
        x, ends, last = spread(state.relu, len(edges)), [], []
        for name in names:
            first, mixing, second, weight = self._picked(name, edges)
            z = center(depthwise(x, first, self.stride))
            hidden = F.relu_(blend([flat(z)], normed([flat(z)], [mixing])))
            ends.append(center(depthwise(maps(hidden, z), second)))
            last.append(weight)
        matrices = normed([flat(z) for z in ends], last, [scales[name] for name in names])
        return list(zip(ends, matrices))

    def _dilated(self, state: State, edges: Sequence[int], names: list[str], scales: dict[str, Tensor]) -> list[Term]:
        if not names:
            return []
        convolve: Callable[[Tensor, Tensor], Tensor] = depthwise
        x = state.lattice
        if x is None:
            x, convolve = state.relu, partial(dilated, stride=self.stride)
        x, ends, last = spread(x, len(edges)), [], []
        for name in names:
            first, weight = self._picked(name, edges)
            ends.append(center(convolve(x, first)))
            last.append(weight)
        matrices = normed([flat(z) for z in ends], last, [scales[name] for name in names])
        return list(zip(ends, matrices))

    def _reduce(self, state: State, edges: Sequence[int], scale: Tensor) -> Term:
        """FactorizedReduce (see `_operations`) of several edges: one convolution of even and odd pixels, side by side;
        each half of an edge's channels reads one of them."""
        z = center(torch.cat(even_and_odd(state.relu), 1))
        even, odd = (w.flatten(1).unflatten(0, (len(edges), -1)) for w in self._picked("skip_connect", edges))
        weight = torch.cat([F.pad(even, (0, self.channels)), F.pad(odd, (self.channels, 0))], 1).flatten(0, 1)
        return z, normed([flat(z)], [weight], [scale])[0]

    def _picked(self, name: str, edges: Sequence[int]) -> list[Tensor]:
        """The stacked weights of some edges."""
        stack = [conv.weight for conv in self.stacks[name]]
        if len(edges) == self.edges:
            return stack
        return [weight.unflatten(0, (self.edges, -1))[edges].flatten(0, 1) for weight in stack]


def spread(x: Tensor, times: int) -> Tensor:
    """The same map for every edge, side by side."""
    return x if times == 1 else torch.cat([x] * times, 1)


def total(terms: Sequence[Term]) -> Tensor:
    like = terms[0][0]
    return maps(blend([flat(x) for x, _ in terms], [matrix for _, matrix in terms]), like)


def spreading(shares: Tensor, channels: int) -> Tensor:
    """The matrix that weighs maps which lie side by side, one sum for each row of `shares`, side by side."""
    blocks = shares.t()[:, None, :, None] * torch.eye(channels).to(shares)[None, :, None, :]
    return blocks.reshape(1, shares.shape[1] * channels, -1)
