"""A space so small that gradients, losses and optima of methods can be worked out by hand, with its supernet."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from protocols.base import Budget
from spaces.base import Arch, Size, Space
from spaces.parts.network import Supernet, used
from tests.reference.run import TinyRun, random_images

SIZE = Size(channels=1, cells=1, classes=3, image=2, inputs=1)


class ToySupernet(Supernet):
    """Each place adds a mix of tanh(A_k x) to x, the four pixels. `used` collects the candidates that were computed."""

    def __init__(self, shape: Sequence[int]):
        super().__init__()
        self.shape = tuple(shape)
        self.places = nn.ModuleList(nn.ModuleList(nn.Linear(4, 4) for _ in range(n)) for n in shape)
        self.classifier = nn.Linear(4, SIZE.classes)
        self.used: list[tuple[int, ...]] = []

    def forward(self, x: Tensor, mix: Sequence[Tensor]) -> Tensor:
        x = x.flatten(1)
        for candidates, weights in zip(self.places, mix):
            wanted = used(weights)
            self.used.append(tuple(wanted))
            if weights.dim() > 1:  # of each image its own
                weights = weights.flatten(2)
            x = x + sum(weights[k] * candidates[k](x).tanh() for k in wanted)
        return self.classifier(x)

    def inherit(self, arch: Arch) -> nn.Module:
        return copy.deepcopy(self)


@dataclass(frozen=True)
class Toy(Space):
    """Three decisions of two, three and four options; option k of a decision costs k thousand, the rest one."""

    choices: ClassVar = (2, 3, 4)
    published: ClassVar = SIZE
    searched: ClassVar = SIZE
    decode = encode = write = read = network = None

    def supernet(self, size: Size) -> ToySupernet:
        return ToySupernet(self.choices)

    def costs(self, size: Size, metric: str) -> tuple[float, list[list[float]]]:
        return 1000.0, [[1000.0 * k for k in range(options)] for options in self.choices]


class WithoutSupernet(Toy):
    supernet = Space.supernet


class WithoutCosts(Toy):
    costs = Space.costs


class DoubleRun(TinyRun):
    """A run in double precision; `net` is the supernet that the method got."""

    def supernet(self) -> Supernet:
        self.net = super().supernet().double()
        return self.net

    def cost(self, metric: str, arch: Arch) -> float:
        constant, table = self.space.costs(self.size, metric)
        return constant + sum(row[option] for row, option in zip(table, arch))

    def answer(self, arch: Arch, net: Supernet | None = None) -> None:
        """From now on the labels are those that one path of the supernet predicts."""
        net = net or self.supernet()
        with torch.no_grad():
            for name, (images, _) in self.splits.items():
                self.splits[name] = images, net(images, net.path(arch)).argmax(1)
        net.used.clear()
        self.supernet = lambda: net

    def plant(self) -> None:
        """From now on the supernet is one in which candidate 1 of every place helps and the others do nothing."""
        net = self.supernet()
        with torch.no_grad():
            for k, candidate in ((k, candidate) for place in net.places for k, candidate in enumerate(place)):
                candidate.weight.copy_(torch.eye(4) * (k == 1))
                candidate.bias.zero_()
        self.answer((1, 1, 1), net)


def toy_run(epochs: int = 2, candidates: int = 2, seed: int = 0, batch: int = 8, images: int = 24) -> DoubleRun:
    """A run over noise in double precision: three batches an epoch."""
    splits = random_images(SIZE, images, dtype=torch.float64)
    return DoubleRun(Toy(), SIZE, Budget(epochs, batch, candidates), splits, seed)
