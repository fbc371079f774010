"""ENAS' shared weights: every reader of a cell (block, side, input) owns the weights of its two separable convolutions.

As in the authors' search (melodyguan/enas, src/cifar10/micro_child.py), where it differs from the network that is
retrained: a reduction cell halves its input before the cell and its operations have stride 1; the loose ends pass a
shared 1x1 convolution, one slice of weights a state, instead of being concatenated; batch normalisation learns.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.base import Arch, Size
from spaces.enas.network import BareReduce, fit
from spaces.enas.space import BLOCKS, OPERATIONS, layout
from spaces.parts.cells import cifar_stem, imagenet_stems
from spaces.parts.cpu.channelwise import AvgPool, MaxPool, concatenate, convolve_and_normalise
from spaces.parts.network import Supernet
from spaces.parts.operations import FactorizedReduce

PLACES = [block + 2 for block in range(BLOCKS) for _ in range(2)]
"""Inputs that each side of each block of a cell chooses from; with every operation they are a place's candidates."""

FIRST_READER = [0, *accumulate(PLACES)]
"""Number of the reader (side of a block, input) that reads input 0 for each side; the last entry counts all."""


class Choice(NamedTuple):
    reader: int
    source: int
    operation: str
    weight: float | Tensor


class Wiring(NamedTuple):
    """What a cell computes: the choices of its sides, and the share of each state that nobody reads."""

    sides: list[list[Choice]]
    unread: list[float | Tensor]


def wire(mix: Sequence[Tensor]) -> Wiring:
    """The wiring of one cell's mix.

    Of a path, states that no side reads count 1 in the cell's output, others 0. In between, a state counts by the
    probability that no side reads it, each side drawing its candidate from its weights: the product of 1 - what each
    side reads of it.
    """
    sides = [
        [
            Choice(first + k // len(OPERATIONS), k // len(OPERATIONS), OPERATIONS[k % len(OPERATIONS)], weight)
            for k, weight in _used(weights)
        ]
        for first, weights in zip(FIRST_READER, mix)
    ]
    unread: list[float | Tensor] = [1.0] * (BLOCKS + 2)
    for side in sides:
        for source in {choice.source for choice in side}:
            unread[source] = unread[source] * (1.0 - sum(c.weight for c in side if c.source == source))
    return Wiring(sides, unread)


def _used(weights: Tensor) -> list[tuple[int, float | Tensor]]:
    if weights.requires_grad:
        return list(enumerate(weights.unbind()))
    return [(k, weight) for k, weight in enumerate(weights.tolist()) if weight != 0.0]


def scaled(x: Tensor, weight: float | Tensor) -> Tensor:
    return x if isinstance(weight, float) and weight == 1.0 else x * weight


def normalise_by_batch(module: nn.Module) -> None:
    """Takes the running averages from batch normalisation: it uses the statistics of the batch from now on."""
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.track_running_stats = False
            norm.running_mean = norm.running_var = norm.num_batches_tracked = None


class Bank(nn.Module):
    """Depthwise and pointwise convolution and normalisation, with weights for every reader of a cell.

    One tensor holds all readers: the optimizer and the checkpoint see few tensors, and the weights that a path leaves
    out have gradient zero, so that momentum and decay go on for them, as in the authors' code.
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
        """The weights of some readers. Gathered once, so that the backward pass fills each gradient once."""
        return list(zip(*(weight.index_select(0, index).unbind() for weight in self.parameters())))

    def forward(self, x: Tensor, row: tuple[Tensor, ...]) -> Tensor:
        """x: (images, channels, height, width), before its ReLU."""
        kernels, pointwise, scale, offset = row
        kernels = kernels.view(-1, 1, self.kernel, self.kernel)
        return convolve_and_normalise(x, kernels, pointwise[:, :, None, None], scale, offset)


class State:
    """A map in a cell, and what several readers want of it: computed when first wanted, and once."""

    def __init__(self, x: Tensor):
        self.x = x

    @cached_property
    def avg_pool_3x3(self) -> Tensor:
        return AvgPool(3, 1, 1, count_include_pad=False)(self.x)

    @cached_property
    def max_pool_3x3(self) -> Tensor:
        return MaxPool(3, 1, 1)(self.x)

    @property
    def skip_connect(self) -> Tensor:
        return self.x


class Layer(nn.Module):
    """One searched cell with its inputs brought to size. `inputs`: channels of the last two layers' maps; `halved`:
    the older one has a map twice as large."""

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
        """The two maps that the next layer takes."""
        if self.reduce is not None:
            before, last = last, self.reduce(last)
        states = [State(self.calibrate0(before)), State(self.calibrate1(last))]
        rows = self._rows(wiring)
        for x_side, y_side in zip(wiring.sides[::2], wiring.sides[1::2]):
            states.append(State(self._side(x_side, states, rows) + self._side(y_side, states, rows)))
        return last, self._output(states, wiring.unread)

    def _rows(self, wiring: Wiring) -> dict[tuple[int, str], list[tuple[Tensor, ...]]]:
        rows = {}
        for name, stack in self.banks.items():
            readers = [choice.reader for side in wiring.sides for choice in side if choice.operation == name]
            if readers:
                index = torch.tensor(readers, device=self.combine.device)
                both = zip(*(bank.rows(index) for bank in stack))
                rows.update({(reader, name): row for reader, row in zip(readers, both)})
        return rows

    def _side(self, side: list[Choice], states: list[State], rows: dict) -> Tensor:
        return sum(scaled(self._operation(choice, states[choice.source], rows), choice.weight) for choice in side)

    def _operation(self, choice: Choice, state: State, rows: dict) -> Tensor:
        if choice.operation not in self.banks:
            return getattr(state, choice.operation)
        (bank, second), (row, second_row) = self.banks[choice.operation], rows[choice.reader, choice.operation]
        return second(bank(state.x, row), second_row)

    def _output(self, states: list[State], unread: list[float | Tensor]) -> Tensor:
        ends = [i for i, share in enumerate(unread) if not (isinstance(share, float) and share == 0.0)]
        weights = torch.cat([scaled(self.combine[i], unread[i]) for i in ends], 1)[:, :, None, None]
        x = concatenate([states[i].x for i in ends])
        return convolve_and_normalise(x, None, weights, self.norm.weight, self.norm.bias)


class EnasSupernet(Supernet):
    """All architectures of the micro space in one network. Places: the normal cell's ten sides (block by block), then
    the reduction cell's; candidate k of a side is input k // 5 through operation k % 5. No auxiliary head.

    Weights start by He's rule, as the authors'.
    """

    shape = tuple(inputs * len(OPERATIONS) for inputs in 2 * PLACES)

    def __init__(self, size: Size, macro: str = "darts"):
        super().__init__()
        large = size.stem == "imagenet"
        if large:
            self.stem, self.stem2 = imagenet_stems(size.inputs, size.channels)
        else:
            self.stem, self.stem2 = cifar_stem(size.inputs, 3 * size.channels), None
        layers, self.reductions = layout(macro, size.cells)
        inputs, channels, halved = (size.channels * (1 if large else 3),) * 2, size.channels, large
        self.layers = nn.ModuleList()
        for i in range(layers):
            reduction = i in self.reductions
            channels *= 2 if reduction else 1
            self.layers.append(Layer(inputs, channels, reduction, halved))
            inputs, halved = (channels if reduction else inputs[1], channels), False
        self.classifier = nn.Linear(channels, size.classes, bias=False)
        normalise_by_batch(self)

    def forward(self, x: Tensor, mix: Sequence[Tensor]) -> Tensor:
        normal, reduction = wire(mix[: len(PLACES)]), wire(mix[len(PLACES) :])
        before = self.stem(x)
        last = before if self.stem2 is None else self.stem2(before)
        for i, layer in enumerate(self.layers):
            before, last = layer(before, last, reduction if i in self.reductions else normal)
        return self.classifier(F.relu(last).mean((2, 3)))

    def derive(self, mix: Sequence[Tensor]) -> Arch:
        """The heaviest candidate of every place; of equals the first."""
        return tuple(number for weights in mix for number in divmod(int(weights.argmax()), len(OPERATIONS)))

    def path(self, arch: Arch) -> list[Tensor]:
        """On the CPU, wherever the supernet is: what is chosen must be known there."""
        chosen = (source * len(OPERATIONS) + o for source, o in zip(arch[::2], arch[1::2]))
        return [F.one_hot(torch.tensor(k), candidates).float() for k, candidates in zip(chosen, self.shape)]

    def inherit(self, arch: Arch) -> nn.Module:
        from spaces.enas.path import EnasPath

        return EnasPath(self, arch)
