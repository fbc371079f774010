"""The two kinds of network every space builds, and drop path, which works the same in all of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from spaces.base import Arch


class DropPath:
    """Drops whole paths, one Bernoulli draw an image, and divides by the keep probability (quark0/darts, utils.py)."""

    def __init__(self, probability: float, generator: torch.Generator):
        self.keep = 1.0 - probability
        self.generator = generator

    def __call__(self, x: Tensor) -> Tensor:
        """x: (images, channels, height, width)."""
        draws = torch.rand(len(x), 1, 1, 1, generator=self.generator, device=self.generator.device)
        return x * ((draws < self.keep).to(x.dtype) / self.keep).to(x.device)


class Network(nn.Module):
    """A stand-alone network. Its auxiliary head, where it has one, is the attribute `auxiliary`, else None."""

    auxiliary: nn.Module | None

    def __init__(self):
        super().__init__()
        self.auxiliary = None  # on the instance: a class attribute would hide the submodule that replaces it

    @abstractmethod
    def forward(self, x: Tensor, drop: DropPath | None = None) -> tuple[Tensor, Tensor | None]:
        """(logits, auxiliary logits): the latter is None outside training mode or without the head.

        x: (images, inputs, image, image); logits: (images, classes). `drop` is applied to every path but identities.
        Must take a batch of no images, with which multiply-adds are counted: `flatten(1)`, not `view(len(x), -1)`.
        """


class Supernet(nn.Module):
    """A weight-sharing network: `mix` says how much of each candidate is used at each mixed place.

    `shape` is the number of candidates at each place. Batch normalisation uses the statistics of the batch, always:
    running averages over different paths mean nothing.
    """

    shape: tuple[int, ...]

    @abstractmethod
    def forward(self, x: Tensor, mix: Sequence[Tensor]) -> Tensor:
        """Logits (images, classes). mix: one vector of weights a place; candidates whose weight is exactly 0 and
        requires no gradient are not computed."""

    def derive(self, mix: Sequence[Tensor]) -> Arch:
        """The architecture that the paper's rule reads from mixture weights. This one, where every place is a decision:
        the heaviest candidate of every place; of equals the first."""
        return tuple(int(weights.argmax()) for weights in mix)

    def path(self, arch: Arch) -> list[Tensor]:
        """The mix of zeros and ones that computes one architecture. This one, where every place is a decision."""
        like = next(self.parameters())
        return [like.new_tensor([float(i == option) for i in range(n)]) for option, n in zip(arch, self.shape)]

    @abstractmethod
    def inherit(self, arch: Arch) -> nn.Module:
        """One architecture as a plain network `x -> logits` that computes operation by operation with a copy of this
        supernet's weights: what `forward(x, path(arch))` must equal."""
