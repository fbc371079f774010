"""The edges of a mixed cell that leave one state, computed together.

What all of them need of the state is computed once: its ReLU, its pooling with batch normalisation, and the even and
the odd pixels. The weights of a candidate are stacked edge after edge, so that its convolutions are grouped ones, with
one group of 1x1 convolutions for each edge. A candidate's weight in the mix is the scale of the batch normalisation
that ends it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._utils import _flatten_dense_tensors as flatten

from spaces.parts.cpu.fused_function import FusedFunction
from spaces.parts.cpu.kernels import Convolution, Norm, apply, moments, slopes, unapply
from spaces.parts.cpu.layout import as_maps, as_memory
from spaces.parts.cpu.rearrange import concatenate
from spaces.parts.cpu.shared_map import SharedMap
from spaces.parts.mixed_cells import MixedEdge

CHAINS = {
    "sep_conv_3x3": (3, 1),
    "sep_conv_5x5": (5, 1),
    "sep_conv_7x7": (7, 1),
    "dil_conv_3x3": (3, 2),
    "dil_conv_5x5": (5, 2),
}
"""(side of the kernel, dilation) of the candidates that are chains of units: a separable convolution has two units, one
after another, a dilated one has one. A unit is a ReLU, a depthwise and a 1x1 convolution, and batch normalisation."""
POOLS = ("max_pool_3x3", "avg_pool_3x3")


class Fan:
    """The edges that leave one state."""

    def __init__(self, edges: Sequence[MixedEdge]):
        self.edges, self.stride = edges, edges[0].stride
        self.names = [tuple(edge.candidates) for edge in edges]
        # Where the weights stand, not the weights: torch's functional_call puts others there.
        self.slots = [
            {name: [p._parameters for p in part.modules() if isinstance(p, nn.Conv2d)] for name, part in items}
            for items in (edge.candidates.items() for edge in edges)
        ]

    def forward(self, x: Tensor, mix: Sequence[Tensor], wanted: Sequence[tuple[int, ...]]) -> Tensor:
        """The results of the edges, concatenated along the channels. x: (images, channels, height, width); mix and
        wanted: per edge, as `MixedEdge` takes them."""
        state, groups = SharedMap(x, self.stride), self._groups(wanted)
        if len(groups) == 1 and all(numbers for _, numbers in groups):
            return self._together(state, *groups.popitem(), mix)
        results = [x[:, :, :: self.stride, :: self.stride] * 0.0] * len(self.edges)
        for group, members in groups.items():
            if group[1]:
                y = self._together(state, group, members, [mix[e] for e in members])
                for e, part in zip(members, y.split(x.shape[1], 1)):
                    results[e] = part
        return concatenate(results)

    def _groups(self, wanted: Sequence[tuple[int, ...]]) -> dict[Group, list[int]]:
        """The edges with the same candidates of which the same ones are wanted. `none` adds nothing."""
        groups: dict[Group, list[int]] = {}
        for e, (names, numbers) in enumerate(zip(self.names, wanted)):
            some = tuple(k for k in numbers if names[k] != "none")
            groups.setdefault((names, some), []).append(e)
        return groups

    def _together(self, state: SharedMap, group: Group, members: Sequence[int], mix: Sequence[Tensor]) -> Tensor:
        """Edges of one group. mix: of each its weights."""
        names = tuple(group[0][k] for k in group[1])
        scale = torch.stack(list(mix), 1)[list(group[1])].repeat_interleave(state.x.shape[1], 1)
        maps, weights = [], []
        for name in names:
            if name in CHAINS:
                weights += self._weights(name, members)
            elif name in POOLS or (name == "skip_connect" and self.stride == 1):
                maps.append(getattr(state, name))
            elif name == "skip_connect":
                maps.append(self._reduced(state, members))
            else:  # an operation without a form: the result of its module
                maps.append(concatenate([self.edges[e].candidates[name](state.x) for e in members]))
        return _Mixed.apply(state.x, scale, *maps, *weights, names, len(members), self.stride)

    def _weights(self, name: str, members: Sequence[int]) -> list[Tensor]:
        """The weights of a candidate: for each of its convolutions those of all edges."""
        convolutions = zip(*(self.slots[e][name] for e in members))
        return [slot["weight"] for convolution in convolutions for slot in convolution]

    def _reduced(self, state: SharedMap, members: Sequence[int]) -> Tensor:
        """`FactorizedReduce` of several edges without its batch normalisation: one matrix product with the even and the
        odd pixels. Each half of an edge's channels reads one of them."""
        weights = [weight.flatten(1) for weight in self._weights("skip_connect", members)]
        channels, rows = state.x.shape[1], []
        for even, odd in zip(weights[: len(members)], weights[len(members) :]):
            rows += F.pad(even, (0, channels)), F.pad(odd, (channels, 0))
        halves = as_memory(state.halves)
        return as_maps((torch.cat(rows) @ halves.flatten(1)).unflatten(1, halves.shape[1:]))


Group = tuple[tuple[str, ...], tuple[int, ...]]
"""The names of the candidates of an edge, and the numbers of the wanted ones."""


class _Mixed(FusedFunction):
    """The weighted sums of a state's candidates on edges that leave it, concatenated along the channels.

    x: (images, channels, height, width), the state; scale: (candidates, edges * channels), the weights; then the maps
    of the candidates that are no chains, with the channels of one edge or of all; then the weights of the chains: for
    each unit the depthwise kernels (channels, 1, k, k) of all edges and the 1x1 kernels (channels, channels, 1, 1) of
    all edges. Constants: names of the candidates, number of edges, stride. Maps are batch-normalised here too, except
    that of an identity and of an operation without a form.
    """

    @staticmethod
    def plain(x, scale, *rest):
        *tensors, names, edges, stride = rest
        maps, weights = _divide(tensors, names)
        stacks = [torch.cat(weights[i : i + edges]) for i in range(0, len(weights), edges)]
        total = 0.0
        for name, part, factor in zip(names, _parts(maps, stacks, names, edges, stride), scale):
            y = torch.cat([x] * edges, 1) if name in CHAINS else part
            for convolution in part if name in CHAINS else ():
                y = F.batch_norm(convolution.plain(F.relu(y)), None, None, training=True)
            if _normalised_here(name, stride):
                y = F.batch_norm(y, None, None, training=True)
            total = total + torch.cat([y] * (len(factor) // y.shape[1]), 1) * factor[:, None, None]
        return total

    @staticmethod
    def forward(ctx, x, scale, *rest):
        *tensors, names, edges, stride = rest
        maps, weights = _divide(tensors, names)
        stacks, state, scale, kept, total = _stacks(weights, edges), as_memory(x), scale.contiguous(), [], None
        for name, part, factor in zip(names, _parts(maps, stacks, names, edges, stride), scale):
            if name in CHAINS:
                raw, norm = state, Norm(relu=True)
                for convolution in part:
                    raw, mean, inverse = convolution.forward(raw, norm)
                    norm = Norm(mean, inverse, relu=True)
                    kept += raw, mean, inverse
            else:
                raw = as_memory(part)
                mean, inverse = moments(raw) if _normalised_here(name, stride) else (None, None)
                kept += raw, mean, inverse
            first, total = total is None, raw.new_empty(len(factor), *raw.shape[1:]) if total is None else total
            apply(raw, Norm(mean, inverse, factor), total, add=not first)
        ctx.constants, ctx.sizes = (names, edges, stride), (len(tensors), len(stacks))
        ctx.save_for_backward(x, scale, *tensors, state, *stacks, *kept)
        return as_maps(total)

    @staticmethod
    def backward(ctx, g):
        if torch.is_grad_enabled():
            return _Mixed.plain_backward(ctx, g)
        (names, edges, stride), (inputs, stacked) = ctx.constants, ctx.sizes
        needs_x, _, *needs = ctx.needs_input_grad[: 2 + inputs]
        (_, scale, *tensors), (state, *kept) = ctx.saved_tensors[: 2 + inputs], ctx.saved_tensors[2 + inputs :]
        maps, _ = _divide(tensors, names)
        stacks, kept = kept[:stacked], iter(kept[stacked:])
        g, of_x = as_memory(g), torch.zeros_like(state) if needs_x else None
        of_scale, of_maps, of_stacks = [], [], []
        for name, part, factor in zip(names, _parts(maps, stacks, names, edges, stride), scale):
            units = [(next(kept), next(kept), next(kept)) for _ in (part if name in CHAINS else [part])]
            raw, *statistics = units[-1]
            norm = Norm(*statistics, factor)
            sums = slopes(raw, norm, g)
            of_scale.append(sums[:, 1])
            if name in CHAINS:
                of_stacks += _chain_backward(part, state, units, norm, sums, g, of_x, needs[-1])
            else:
                of_maps.append(as_maps(_of_map(raw, norm, sums, g)) if needs[len(of_maps)] else None)
        of_weights = _per_edge(of_stacks, stacks, edges)
        of_x = None if of_x is None else as_maps(of_x)
        return of_x, torch.stack(of_scale).to(scale.dtype), *of_maps, *of_weights, None, None, None


def _divide(tensors: Sequence[Tensor], names: tuple[str, ...]) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
    """The maps and the weights among the arguments of `_Mixed`."""
    count = sum(name not in CHAINS for name in names)
    return tensors[:count], tensors[count:]


def _stacks(weights: Sequence[Tensor], edges: int) -> list[Tensor]:
    """The weights of every convolution edge after edge, in one step for all: a step each takes 30 times as long."""
    if edges == 1 or not weights:
        return list(weights)
    first = weights[::edges]
    parts = flatten(weights).split([edges * weight.numel() for weight in first])
    return [part.view(-1, *weight.shape[1:]) for part, weight in zip(parts, first)]


def _per_edge(gradients: Sequence[Tensor | None], stacks: Sequence[Tensor], edges: int) -> Iterator[Tensor | None]:
    """The gradient of each edge's weights, from those of the stacks."""
    for gradient, stack in zip(gradients, stacks):
        yield from [None] * edges if gradient is None else gradient.view_as(stack).chunk(edges)


def _parts(
    maps: Sequence[Tensor], stacks: Sequence[Tensor], names: tuple[str, ...], edges: int, stride: int
) -> list[Tensor | list[Convolution]]:
    """Of each candidate its map, or the convolutions of its chain."""
    left, weights = iter(maps), iter(stacks)
    return [_chain(name, weights, edges, stride) if name in CHAINS else next(left) for name in names]


def _chain(name: str, weights: Iterator[Tensor], edges: int, stride: int) -> list[Convolution]:
    dilation, chain = CHAINS[name][1], []
    for each in (stride,) if dilation > 1 else (stride, 1):
        kernels, matrices = next(weights), next(weights)
        chain.append(Convolution(kernels, matrices.view(edges, -1, matrices.shape[1]), each, dilation))
    return chain


def _normalised_here(name: str, stride: int) -> bool:
    """Of a candidate that is no chain: whether its batch normalisation is left to `_Mixed`."""
    return name in POOLS or (name == "skip_connect" and stride == 2)


def _chain_backward(chain, state, units, norm, sums, g, of_x, train) -> list[Tensor | None]:
    """The gradients of a chain's weights; that of its input `state` is added to `of_x`, if any. units: of each the raw
    result, its mean and 1 / deviation; norm, sums, g: of the chain's result, its normalisation, `slopes` and
    gradient."""
    found = []
    for i in reversed(range(len(chain))):
        x, *statistics = units[i - 1] if i else (state, None, None)
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
