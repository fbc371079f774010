"""One layer of ENAS' supernet, in which every reader of a cell has its own weights.

A *reader* is a pair (side of a block, input): it owns the weights of its two separable convolutions. As in the authors'
search (melodyguan/enas, src/cifar10/micro_child.py), layers differ from those of the network that is retrained: a
reduction cell halves its inputs before the cell, and its operations have stride 1; the loose ends are not concatenated
but pass a shared 1x1 convolution, which has one slice of weights per state; batch normalisation learns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from spaces.enas.choices import BLOCKS, FIRST_READER, OPERATIONS
from spaces.enas.network import BareReduce, fit
from spaces.parts.cpu.channelwise import convolve_and_normalise
from spaces.parts.cpu.rearrange import concatenate
from spaces.parts.operations import FactorizedReduce
from spaces.parts.shared_map import SharedMap


class Candidate(NamedTuple):
    """One candidate of a side: an operation on an input, with its weight in the mix."""

    reader: int
    source: int
    operation: str
    weight: float | Tensor


class Wiring(NamedTuple):
    """What a cell computes: the candidates of each side, and the share of each state in the cell's output."""

    sides: list[list[Candidate]]
    unread: list[float | Tensor]


def wire(mix: Sequence[Tensor]) -> Wiring:
    """The wiring of one cell's mix: ten vectors of weights, of which candidate k is operation k % 5 on input k // 5.

    On a path, states that no side reads have share 1, others 0. For other mixes the share of a state is the probability
    that no side reads it if each side draws one candidate by its weights: the product over the sides of 1 - the sum of
    their weights for it.
    """
    sides = [
        [
            Candidate(first + k // len(OPERATIONS), k // len(OPERATIONS), OPERATIONS[k % len(OPERATIONS)], weight)
            for k, weight in _used(weights)
        ]
        for first, weights in zip(FIRST_READER, mix)
    ]
    unread: list[float | Tensor] = [1.0] * (BLOCKS + 2)
    for side in sides:
        for source in {candidate.source for candidate in side}:
            unread[source] = unread[source] * (1.0 - sum(c.weight for c in side if c.source == source))
    return Wiring(sides, unread)


def _used(weights: Tensor) -> list[tuple[int, float | Tensor]]:
    """The numbers and weights of the candidates that must be computed."""
    if weights.requires_grad:
        return list(enumerate(weights.unbind()))
    return [(k, weight) for k, weight in enumerate(weights.tolist()) if weight != 0.0]


def weighted(x: Tensor, weight: float | Tensor) -> Tensor:
    """x * weight, without a product where the weight is the constant 1."""
    return x if isinstance(weight, float) and weight == 1.0 else x * weight


class Bank(nn.Module):
    """A depthwise convolution, a 1x1 convolution and batch normalisation, with weights for every reader of a cell.

    One tensor holds the weights of all readers. Optimizer and checkpoint then see few tensors, and weights that are not
    on a path have gradient zero instead of none, so that momentum and weight decay move them, as in the authors' code.
    """

    def __init__(self, channels: int, kernel: int):
        super().__init__()
        readers = FIRST_READER[-1]
        self.kernel = kernel
        self.depthwise = nn.Parameter(torch.randn(readers, channels, kernel**2) * (2 / kernel**2) ** 0.5)  # He
        self.pointwise = nn.Parameter(torch.randn(readers, channels, channels) * (2 / channels) ** 0.5)
        self.scale = nn.Parameter(torch.ones(readers, channels))
        self.offset = nn.Parameter(torch.zeros(readers, channels))

    def rows(self, index: Tensor) -> list[tuple[Tensor, ...]]:
        """The weights of the readers in `index`, one tuple per reader. They are gathered in one step, so that the
        backward pass fills each gradient once."""
        return list(zip(*(weight.index_select(0, index).unbind() for weight in self.parameters())))

    def forward(self, x: Tensor, row: tuple[Tensor, ...]) -> Tensor:
        """x: (images, channels, height, width), before its ReLU; row: one reader's weights."""
        kernels, pointwise, scale, offset = row
        kernels = kernels.view(-1, 1, self.kernel, self.kernel)
        return convolve_and_normalise(x, kernels, pointwise[:, :, None, None], scale, offset)


Rows = dict[tuple[int, str], tuple[tuple[Tensor, ...], tuple[Tensor, ...]]]
"""(reader, operation) -> the weights of its first and its second convolution."""


class SharedLayer(nn.Module):
    """One searched cell with its inputs brought to size. `inputs`: channels of the maps of the layer before the last
    and of the last one; `halved`: whether the former has a map of twice the side."""

    def __init__(self, inputs: tuple[int, int], channels: int, reduction: bool, halved: bool):
        super().__init__()
        self.reduce = BareReduce(inputs[1], channels) if reduction else None
        older = inputs[1] if reduction else inputs[0]
        self.calibrate0 = FactorizedReduce(older, channels) if reduction or halved else fit(older, channels)
        self.calibrate1 = fit(channels if reduction else inputs[1], channels)
        self.banks = nn.ModuleDict(
            {f"sep_conv_{k}x{k}": nn.ModuleList([Bank(channels, k), Bank(channels, k)]) for k in (3, 5)}
        )
        self.combine = nn.Parameter(torch.randn(BLOCKS + 2, channels, channels) * (2 / channels / BLOCKS) ** 0.5)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, before: Tensor, last: Tensor, wiring: Wiring) -> tuple[Tensor, Tensor]:
        """The two maps that the next layer takes: this layer's input and its output."""
        if self.reduce is not None:
            before, last = last, self.reduce(last)
        states = [SharedMap(self.calibrate0(before)), SharedMap(self.calibrate1(last))]
        rows = self._rows(wiring)
        for x_side, y_side in zip(wiring.sides[::2], wiring.sides[1::2]):
            states.append(SharedMap(self._side(x_side, states, rows) + self._side(y_side, states, rows)))
        return last, self._output(states, wiring.unread)

    def _rows(self, wiring: Wiring) -> Rows:
        rows = {}
        for name, stack in self.banks.items():
            readers = [candidate.reader for side in wiring.sides for candidate in side if candidate.operation == name]
            if readers:
                index = torch.tensor(readers, device=self.combine.device)
                both = zip(*(bank.rows(index) for bank in stack))
                rows.update({(reader, name): row for reader, row in zip(readers, both)})
        return rows

    def _side(self, side: list[Candidate], states: list[SharedMap], rows: Rows) -> Tensor:
        return sum(weighted(self._operation(each, states[each.source], rows), each.weight) for each in side)

    def _operation(self, candidate: Candidate, state: SharedMap, rows: Rows) -> Tensor:
        name = candidate.operation
        if name not in self.banks:
            return getattr(state, name)
        (bank, second), (row, second_row) = self.banks[name], rows[candidate.reader, name]
        return second(bank(state.x, row), second_row)

    def _output(self, states: list[SharedMap], unread: list[float | Tensor]) -> Tensor:
        ends = [i for i, share in enumerate(unread) if not (isinstance(share, float) and share == 0.0)]
        weights = torch.cat([weighted(self.combine[i], unread[i]) for i in ends], 1)[:, :, None, None]
        x = concatenate([states[i].x for i in ends])
        return convolve_and_normalise(x, None, weights, self.norm.weight, self.norm.bias)
