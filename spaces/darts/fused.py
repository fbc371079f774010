"""All edges of a mixed cell that leave one state, computed together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.darts.choices import CANDIDATES
from spaces.parts.cpu.fused_function import FusedFunction
from spaces.parts.cpu.kernels import Convolution, Norm, apply, moments, slopes, unapply, usable
from spaces.parts.cpu.layout import as_maps, as_memory
from spaces.parts.cpu.rearrange import concatenate, even_and_odd
from spaces.parts.shared_map import SharedMap

CHAINS = {"sep_conv_3x3": (3, 1), "sep_conv_5x5": (5, 1), "dil_conv_3x3": (3, 2), "dil_conv_5x5": (5, 2)}
"""(side of the kernel, dilation) of the candidates that are chains of units: a separable convolution has two units, one
after another, a dilated one has one. A unit is a ReLU, a depthwise and a 1x1 convolution, and batch normalisation."""


class Fan(nn.Module):
    """The edges that leave one state. All have the same candidates, each edge with weights of its own.

    The weights of a candidate are stacked edge after edge: convolutions have edges * channels outputs, the 1x1 ones in
    one group per edge.
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

    def _stack(self, kernel: int, units: int) -> nn.ModuleList:
        wide, stack = self.edges * self.channels, nn.ModuleList()
        for _ in range(units):
            stack.append(nn.Conv2d(wide, wide, kernel, groups=wide, bias=False))
            stack.append(nn.Conv2d(wide, wide, 1, groups=self.edges, bias=False))
        return stack

    def weights(self, edge: int, name: str) -> list[Tensor]:
        """The weights of one candidate on one edge, as views; an empty list for a candidate without weights."""
        return [conv.weight.chunk(self.edges)[edge] for conv in self.stacks[name]] if name in self.stacks else []

    def forward(self, state: SharedMap, mix: list[Tensor], wanted: list[tuple[int, ...]]) -> Tensor:
        """The results of the edges, concatenated along the channels: on each edge the sum of its wanted candidates,
        weighted by its mix. mix and wanted: per edge."""
        if len(set(wanted)) == 1 and wanted[0]:
            return self._together(state, range(self.edges), wanted[0], torch.stack(mix))
        carried = [state.x[:, :, :: self.stride, :: self.stride] * 0.0] * self.edges
        for candidates in set(wanted) - {()}:
            edges = [e for e in range(self.edges) if wanted[e] == candidates]
            y = self._together(state, edges, candidates, torch.stack([mix[e] for e in edges]))
            for e, part in zip(edges, y.split(self.channels, 1)):
                carried[e] = part
        return concatenate(carried)

    def _together(self, state: SharedMap, edges: Sequence[int], candidates: tuple[int, ...], mix: Tensor) -> Tensor:
        """Edges with the same wanted candidates; their results are concatenated. mix: (edges, candidates)."""
        names = [CANDIDATES[k] for k in candidates]
        scale = mix.t()[list(candidates)].repeat_interleave(self.channels, 1)
        maps, weights = [], []
        for name in names:
            if name in CHAINS:
                weights += self._picked(name, edges)
            else:
                maps.append(self._reduce(state, edges) if name in self.stacks else getattr(state, name))
        return _Mixed.compute(state.x, scale, *maps, *weights, tuple(names), len(edges), self.stride)

    def _reduce(self, state: SharedMap, edges: Sequence[int]) -> Tensor:
        """`FactorizedReduce` of several edges without its batch normalisation: one matrix product with the even and the
        odd pixels. Each half of an edge's channels reads one of them."""
        weights = self._picked("skip_connect", edges)
        if not usable(state.x):
            halves = [F.conv2d(x, weight) for x, weight in zip(even_and_odd(F.relu(state.x)), weights)]
            return torch.cat([half.unflatten(1, (len(edges), -1)) for half in halves], 2).flatten(1, 2)
        even, odd = (weight.flatten(1).unflatten(0, (len(edges), -1)) for weight in weights)
        matrix = torch.cat([F.pad(even, (0, self.channels)), F.pad(odd, (self.channels, 0))], 1).flatten(0, 1)
        halves = as_memory(state.halves)
        return as_maps((matrix @ halves.flatten(1)).unflatten(1, halves.shape[1:]))

    def _picked(self, name: str, edges: Sequence[int]) -> list[Tensor]:
        """The stacked weights of a candidate on some edges."""
        stack = [conv.weight for conv in self.stacks[name]]
        if len(edges) == self.edges:
            return stack
        return [weight.unflatten(0, (self.edges, -1))[edges].flatten(0, 1) for weight in stack]


class _Mixed(FusedFunction):
    """The weighted sums of a state's candidates on the edges that leave it, concatenated along the channels.

    x: (images, channels, height, width), the state; scale: (candidates, edges * channels), the weights; then the maps
    of the candidates that are no chains, with the channels of one edge or of all; then the weights of the chains: for
    each unit the depthwise kernels (edges * channels, 1, k, k) and the 1x1 kernels (edges * channels, channels, 1, 1)
    of all edges. Constants: names of the candidates, number of edges, stride. Maps are batch-normalised here too,
    except that of an identity.
    """

    @staticmethod
    def plain(x, scale, *rest):
        *tensors, names, edges, stride = rest
        total = 0.0
        for name, part, factor in zip(names, _parts(tensors, names, edges, stride), scale):
            y = torch.cat([x] * edges, 1) if name in CHAINS else part
            for convolution in part if name in CHAINS else ():
                y = F.batch_norm(convolution.plain(F.relu(y)), None, None, training=True)
            if name not in CHAINS and _ends_with_batch_norm(name, stride):
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
                mean, inverse = moments(raw) if _ends_with_batch_norm(name, stride) else (None, None)
                kept += raw, mean, inverse
            first, total = total is None, raw.new_empty(len(factor), *raw.shape[1:]) if total is None else total
            apply(raw, Norm(mean, inverse, factor), total, add=not first)
        ctx.constants = names, edges, stride
        ctx.save_for_backward(x, scale, *tensors, maps, *kept)
        return as_maps(total)

    @staticmethod
    def backward(ctx, g):
        if torch.is_grad_enabled():
            return _Mixed.plain_backward(ctx, g)
        names, edges, stride = ctx.constants
        (needs_x, _, *needs), count = ctx.needs_input_grad[: -len(ctx.constants)], len(ctx.needs_input_grad) - 3
        (_, scale, *tensors), (maps, *kept) = ctx.saved_tensors[:count], ctx.saved_tensors[count:]
        g, kept, of_x = as_memory(g), iter(kept), torch.zeros_like(maps) if needs_x else None
        of_scale, of_maps, of_weights = [], [], []
        for name, part, factor in zip(names, _parts(tensors, names, edges, stride), scale):
            units = [(next(kept), next(kept), next(kept)) for _ in (part if name in CHAINS else [part])]
            raw, *statistics = units[-1]
            norm = Norm(*statistics, factor)
            sums = slopes(raw, norm, g)
            of_scale.append(sums[:, 1])
            if name in CHAINS:
                of_weights += _chain_backward(part, maps, units, norm, sums, g, of_x, needs[-1])
            else:
                of_maps.append(as_maps(_of_map(raw, norm, sums, g)) if needs[len(of_maps)] else None)
        found = [*of_maps, *of_weights]
        found = [part if part is None else part.view_as(tensor) for part, tensor in zip(found, tensors)]
        return None if of_x is None else as_maps(of_x), torch.stack(of_scale).to(scale.dtype), *found, None, None, None


def _parts(
    tensors: Sequence[Tensor], names: tuple[str, ...], edges: int, stride: int
) -> list[Tensor | list[Convolution]]:
    """Of each candidate its map, or the convolutions of its chain."""
    maps = iter(tensors)
    weights = iter(tensors[sum(name not in CHAINS for name in names) :])
    return [_chain(name, weights, edges, stride) if name in CHAINS else next(maps) for name in names]


def _chain(name: str, weights: Iterator[Tensor], edges: int, stride: int) -> list[Convolution]:
    dilation, chain = CHAINS[name][1], []
    for each in (stride,) if dilation > 1 else (stride, 1):
        kernels, matrices = next(weights), next(weights)
        chain.append(Convolution(kernels, matrices.view(edges, -1, matrices.shape[1]), each, dilation))
    return chain


def _ends_with_batch_norm(name: str, stride: int) -> bool:
    """Of a candidate that is no chain: all except the identity."""
    return name != "skip_connect" or stride == 2


def _chain_backward(chain, maps, units, norm, sums, g, of_x, train) -> list[Tensor | None]:
    """The gradients of a chain's weights; that of its input `maps` is added to `of_x`, if any. units: of each the raw
    result, its mean and 1 / deviation; norm, sums, g: of the chain's result, its normalisation, `slopes` and
    gradient."""
    found = []
    for i in reversed(range(len(chain))):
        x, *statistics = units[i - 1] if i else (maps, None, None)
        before = Norm(*statistics, relu=True)
        below = torch.empty_like(x) if i else of_x
        *weights, slope = chain[i].backward(x, before, units[i][0], norm, sums, g, below, train, add=not i)
        found = [*weights, *found]
        norm, sums, g = before._replace(relu=False), slope, below
    return found


def _of_map(raw: Tensor, norm: Norm, sums: Tensor, g: Tensor) -> Tensor:
    """The gradient of a map with the channels of one edge or of all: through the edges' weights, then through the batch
    normalisation."""
    g = apply(g, Norm(weight=norm.weight), torch.empty_like(raw))
    if norm.mean is None:
        return g
    sums = (sums * norm.weight[:, None]).unflatten(0, (-1, len(raw))).sum(0)
    return unapply(raw, norm._replace(weight=None), sums, g)
