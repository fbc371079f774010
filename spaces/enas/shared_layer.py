"""One layer of ENAS' supernet, in which every reader of a cell has its own weights.

A *reader* is a pair (side of a block, input): it owns the weights of its two separable convolutions. As in the authors'
search (melodyguan/enas, src/cifar10/micro_child.py), layers differ from those of the network that is retrained: all
operations have stride 1 (see `spaces.enas.search_stack`); the loose ends are not concatenated but pass a shared 1x1
convolution, which has one slice of weights per state; batch normalisation learns.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.enas.choices import BLOCKS, FIRST_READER, OPERATIONS
from spaces.enas.search_stack import SearchLayer
from spaces.enas.wiring import Candidate, Wiring, weighted
from spaces.parts.operations import operation
from spaces.parts.stack import CellShape


class Bank(nn.Module):
    """A ReLU, a depthwise convolution, a 1x1 convolution and batch normalisation, with weights for every reader.

    One tensor holds the weights of all readers. Optimizer and checkpoint then see few tensors, and weights that are not
    on a path have gradient zero instead of none, so that momentum and weight decay move them, as in the authors' code.
    """

    def __init__(self, channels: int, kernel: int):
        super().__init__()
        self.kernel, readers = kernel, FIRST_READER[-1]
        self.depthwise = nn.Parameter(torch.randn(readers, channels, kernel**2) * (2 / kernel**2) ** 0.5)  # He
        self.pointwise = nn.Parameter(torch.randn(readers, channels, channels) * (2 / channels) ** 0.5)
        self.scale = nn.Parameter(torch.ones(readers, channels))
        self.offset = nn.Parameter(torch.zeros(readers, channels))

    def forward(self, x: Tensor, reader: int) -> Tensor:
        """x: (images, channels, height, width)."""
        kernels = self.depthwise[reader].view(-1, 1, self.kernel, self.kernel)
        x = F.conv2d(F.relu(x), kernels, padding=self.kernel // 2, groups=len(kernels))
        x = F.conv2d(x, self.pointwise[reader][:, :, None, None])
        return F.batch_norm(x, None, None, self.scale[reader], self.offset[reader], training=True)


class SharedSepConv(nn.Module):
    """The operation sep_conv of every reader."""

    def __init__(self, channels: int, kernel: int):
        super().__init__()
        self.first, self.second = Bank(channels, kernel), Bank(channels, kernel)

    def forward(self, x: Tensor, reader: int) -> Tensor:
        """x: (images, channels, height, width)."""
        return self.second(self.first(x, reader), reader)


class Combine(nn.Module):
    """The 1x1 convolution of a cell's loose ends, behind a ReLU, with a matrix for every state; then batch
    normalisation."""

    def __init__(self, channels: int):
        super().__init__()
        self.matrices = nn.Parameter(torch.randn(BLOCKS + 2, channels, channels) * (2 / channels / BLOCKS) ** 0.5)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, states: list[Tensor], wiring: Wiring) -> Tensor:
        """States (images, channels, height, width), of which `wiring.ends` says the shares in the sum."""
        ends = torch.cat([F.relu(states[state]) for state in wiring.ends], 1)
        matrices = [weighted(self.matrices[state], share) for state, share in wiring.ends.items()]
        return self.norm(F.conv2d(ends, torch.cat(matrices, 1)[:, :, None, None]))


class SharedLayer(SearchLayer):
    """One layer with the shared weights of all architectures."""

    def __init__(self, shape: CellShape):
        super().__init__(shape)
        self.operations = nn.ModuleDict({name: shared_operation(name, shape.channels) for name in OPERATIONS})
        self.combine = Combine(shape.channels)

    def forward(self, before: Tensor, last: Tensor, wiring: Wiring) -> tuple[Tensor, Tensor]:
        """The two maps that the next layer takes: this layer's input and its output."""
        last, states = self.read(before, last)
        for x_side, y_side in zip(wiring.sides[::2], wiring.sides[1::2]):
            states.append(self._side(x_side, states) + self._side(y_side, states))
        return last, self.combine(states, wiring)

    def _side(self, side: list[Candidate], states: list[Tensor]) -> Tensor:
        first, *others = (weighted(self._operation(each, states[each.source]), each.weight) for each in side)
        return sum(others, first)

    def _operation(self, candidate: Candidate, x: Tensor) -> Tensor:
        chosen = self.operations[candidate.operation]
        return chosen(x, candidate.reader) if isinstance(chosen, SharedSepConv) else chosen(x)


def shared_operation(name: str, channels: int) -> nn.Module:
    """An operation of stride 1, with weights for every reader where it has weights."""
    return SharedSepConv(channels, int(name[-1])) if name.startswith("sep_conv") else operation(name, channels, 1)
