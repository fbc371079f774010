"""All edges of a mixed cell that leave one state, computed together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.darts.space import CANDIDATES
from spaces.parts.cpu.channelwise import AvgPool, Halves, MaxPool, concatenate, even_and_odd
from spaces.parts.cpu.kernels import Convolution, Norm, apply, moments, slopes, unapply, usable
from spaces.parts.cpu.steps import Step, as_maps, as_memory

CHAINS = {"sep_conv_3x3": (3, 1), "sep_conv_5x5": (5, 1), "dil_conv_3x3": (3, 2), "dil_conv_5x5": (5, 2)}
"""Kernel and dilation of the candidates that are convolutions; separable ones have two of them, one after the other."""


class State:
    """A map in a cell, and what several candidates want of it: computed when first wanted, and once."""

    def __init__(self, x: Tensor, stride: int):
        self.x, self.stride = x, stride

    @cached_property
    def halves(self) -> Tensor:
        """The positive part of even pixels and, behind them, of odd ones."""
        return F.relu(Halves.of(self.x))

    @cached_property
    def max_pool_3x3(self) -> Tensor:
        return MaxPool(3, self.stride, 1)(self.x)

    @cached_property
    def avg_pool_3x3(self) -> Tensor:
        return AvgPool(3, self.stride, 1, count_include_pad=False)(self.x)


class Fan(nn.Module):
    """The edges that leave one state: the same candidates, each edge with weights of its own.

    Convolutions are stacked: `wide` channels are those of all edges, edge after edge, in one group an edge.
    """

    def __init__(self, channels: int, edges: int, stride: int):
        super().__init__()
        self.channels, self.edges, self.stride = channels, edges, stride
        self.stacks = nn.ModuleDict(
            {name: self._stack(kernel, 2 if dilation == 1 else 1) for name, (kernel, dilation) in CHAINS.items()}
        )
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
        return concatenate(carried)

    def _together(self, state: State, edges: Sequence[int], candidates: tuple[int, ...], mix: Tensor) -> Tensor:
        """Edges that want the same candidates: their maps side by side. mix: (edges, candidates)."""
        names = [CANDIDATES[k] for k in candidates]
        scale = mix.t()[list(candidates)].repeat_interleave(self.channels, 1)
        terms, weights = [], []
        for name in names:
            if name in CHAINS:
                weights += self._picked(name, edges)
            elif name in self.stacks:
                terms.append(self._reduce(state, edges))
            else:
                terms.append(state.x if name == "skip_connect" else getattr(state, name))
        return _Mixed.of(state.x, scale, *terms, *weights, tuple(names), len(edges), self.stride)

    def _reduce(self, state: State, edges: Sequence[int]) -> Tensor:
        """FactorizedReduce (see `_operations`) of several edges, without its batch normalisation: a product with even
        and odd pixels, side by side; each half of an edge's channels reads one of them."""
        weights = self._picked("skip_connect", edges)
        if not usable(state.x):
            halves = [F.conv2d(x, weight) for x, weight in zip(even_and_odd(F.relu(state.x)), weights)]
            return torch.cat([half.unflatten(1, (len(edges), -1)) for half in halves], 2).flatten(1, 2)
        even, odd = (weight.flatten(1).unflatten(0, (len(edges), -1)) for weight in weights)
        matrix = torch.cat([F.pad(even, (0, self.channels)), F.pad(odd, (self.channels, 0))], 1).flatten(0, 1)
        halves = as_memory(state.halves)
        return as_maps((matrix @ halves.flatten(1)).unflatten(1, halves.shape[1:]))

    def _picked(self, name: str, edges: Sequence[int]) -> list[Tensor]:
        """The stacked weights of some edges."""
        stack = [conv.weight for conv in self.stacks[name]]
        if len(edges) == self.edges:
            return stack
        return [weight.unflatten(0, (self.edges, -1))[edges].flatten(0, 1) for weight in stack]


class _Mixed(Step):
    """The weighted sum of a state's candidates on the edges that leave it, side by side.

    x: (images, channels, height, width), the state; scale: (candidates, edges * channels); then the maps of candidates
    that are no `CHAINS`, of one edge or of all; then the weights of those that are: for each step a depthwise and a 1x1
    kernel of all edges, (edges * channels, 1, k, k) and (edges * channels, channels, 1, 1). A step is ReLU, both
    convolutions and batch normalisation; other candidates but for the identity are batch-normalised here too.
    """

    @staticmethod
    def plain(x, scale, *rest):
        *tensors, names, edges, stride = rest
        total = 0.0
        for name, part, factor in zip(names, _parts(tensors, names, edges, stride), scale):
            y = torch.cat([x] * edges, 1) if name in CHAINS else part
            for convolution in part if name in CHAINS else ():
                y = F.batch_norm(convolution.plain(F.relu(y)), None, None, training=True)
            if name not in CHAINS and _normalised(name, stride):
                y = F.batch_norm(y, None, None, training=True)
            total = total + torch.cat([y] * (len(factor) // y.shape[1]), 1) * factor[:, None, None]
        return total

    @staticmethod
    def forward(ctx, x, scale, *rest):
        *tensors, names, edges, stride = rest
        maps, scale, kept, total = as_memory(x), scale.contiguous(), [], None
        for name, part, factor in zip(names, _parts(tensors, names, edges, stride), scale):
            if name in CHAINS:
                raw, norm = maps, Norm(relu=True)
                for convolution in part:
                    raw, mean, inverse = convolution.forward(raw, norm)
                    norm = Norm(mean, inverse, relu=True)
                    kept += raw, mean, inverse
            else:
                raw = as_memory(part)
                mean, inverse = moments(raw) if _normalised(name, stride) else (None, None)
                kept += raw, mean, inverse
            first, total = total is None, raw.new_empty(len(factor), *raw.shape[1:]) if total is None else total
            apply(raw, Norm(mean, inverse, factor), total, add=not first)
        ctx.constants = names, edges, stride
        ctx.save_for_backward(x, scale, *tensors, maps, *kept)
        return as_maps(total)

    @staticmethod
    def backward(ctx, g):
        if torch.is_grad_enabled():
            return _Mixed.again(ctx, g)
        names, edges, stride = ctx.constants
        (for_x, _, *needs), count = ctx.needs_input_grad[: -len(ctx.constants)], len(ctx.needs_input_grad) - 3
        (_, scale, *tensors), (maps, *kept) = ctx.saved_tensors[:count], ctx.saved_tensors[count:]
        g, kept, into = as_memory(g), iter(kept), torch.zeros_like(maps) if for_x else None
        for_scale, for_maps, for_weights = [], [], []
        for name, part, factor in zip(names, _parts(tensors, names, edges, stride), scale):
            steps = [(next(kept), next(kept), next(kept)) for _ in (part if name in CHAINS else [part])]
            raw, *statistics = steps[-1]
            norm = Norm(*statistics, factor)
            sums = slopes(raw, norm, g)
            for_scale.append(sums[:, 1])
            if name in CHAINS:
                for_weights += _back(part, maps, steps, norm, sums, g, into, needs[-1])
            else:
                for_maps.append(as_maps(_for_map(raw, norm, sums, g)) if needs[len(for_maps)] else None)
        found = [*for_maps, *for_weights]
        found = [part if part is None else part.view_as(tensor) for part, tensor in zip(found, tensors)]
        return None if into is None else as_maps(into), torch.stack(for_scale).to(scale.dtype), *found, None, None, None


def _parts(
    tensors: Sequence[Tensor], names: tuple[str, ...], edges: int, stride: int
) -> list[Tensor | list[Convolution]]:
    """What each candidate has: a map, or the steps of its chain."""
    maps = iter(tensors)
    weights = iter(tensors[sum(name not in CHAINS for name in names) :])
    return [_chain(name, weights, edges, stride) if name in CHAINS else next(maps) for name in names]


def _chain(name: str, weights: Iterator[Tensor], edges: int, stride: int) -> list[Convolution]:
    dilation, chain = CHAINS[name][1], []
    for step in (stride,) if dilation > 1 else (stride, 1):
        kernels, matrices = next(weights), next(weights)
        chain.append(Convolution(kernels, matrices.view(edges, -1, matrices.shape[1]), step, dilation))
    return chain


def _normalised(name: str, stride: int) -> bool:
    """Whether a candidate without convolutions ends with batch normalisation."""
    return name != "skip_connect" or stride == 2


def _back(chain, maps, steps, norm, sums, g, into, train) -> list[Tensor | None]:
    """Gradients of a chain's weights; that of the maps is added to `into`. steps: maps and their moments."""
    found = []
    for i in reversed(range(len(chain))):
        x, *statistics = steps[i - 1] if i else (maps, None, None)
        before = Norm(*statistics, relu=True)
        below = torch.empty_like(x) if i else into
        *weights, slope = chain[i].backward(x, before, steps[i][0], norm, sums, g, below, train, add=not i)
        found = [*weights, *found]
        norm, sums, g = before._replace(relu=False), slope, below
    return found


def _for_map(raw: Tensor, norm: Norm, sums: Tensor, g: Tensor) -> Tensor:
    """The gradient of a map that one edge or all edges have: through the edges' weights, then batch normalisation."""
    g = apply(g, Norm(weight=norm.weight), torch.empty_like(raw))
    if norm.mean is None:
        return g
    sums = (sums * norm.weight[:, None]).unflatten(0, (-1, len(raw))).sum(0)
    return unapply(raw, norm._replace(weight=None), sums, g)
