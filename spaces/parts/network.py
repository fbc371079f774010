"""The two types of network that spaces build, and what is the same in all of them: drop path, batch statistics."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from spaces.parts.arch import Arch

Module = TypeVar("Module", bound=nn.Module)


class DropPath:
    """Drops whole paths, with one Bernoulli draw per image, and divides by the probability to keep (quark0/darts,
    utils.py)."""

    def __init__(self, probability: float, generator: torch.Generator):
        self.keep = 1.0 - probability
        self.generator = generator

    def __call__(self, x: Tensor) -> Tensor:
        """x: (images, channels, height, width)."""
        draws = torch.rand(len(x), 1, 1, 1, generator=self.generator, device=self.generator.device)
        return x * ((draws < self.keep).to(x.dtype) / self.keep).to(x.device)


class Network(nn.Module):
    """A stand-alone network. `auxiliary` is its auxiliary head, or None where it has none."""

    auxiliary: nn.Module | None

    def __init__(self) -> None:
        super().__init__()
        self.auxiliary = None  # on the instance: a class attribute would hide the submodule that replaces it

    @abstractmethod
    def forward(self, x: Tensor, drop: DropPath | None = None) -> tuple[Tensor, Tensor | None]:
        """(logits, auxiliary logits). The latter are None outside training mode and without an auxiliary head.

        x: (images, inputs, image, image); logits: (images, classes). `drop` is applied to every path except identities.
        A batch of no images must work too, because multiply-adds are counted with it: use `flatten(1)`, not
        `view(len(x), -1)`.
        """


class Supernet(nn.Module):
    """A weight-sharing network. Its *places* are the positions where candidates are mixed; `mix` holds one vector of
    weights per place.

    Batch normalisation always uses the statistics of the batch: running averages over different paths mean nothing.
    """

    shape: tuple[int, ...]
    """The number of candidates at each place."""

    @abstractmethod
    def forward(self, x: Tensor, mix: Sequence[Tensor]) -> Tensor:
        """Logits (images, classes) of x (images, inputs, image, image). mix: per place the weights (candidates,);
        candidates whose weight is exactly 0 and needs no gradient are not computed. Supernets whose places add their
        candidates' maps also take weights (candidates, images, 1, 1, 1): each image then has a mix of its own."""

    def derive(self, mix: Sequence[Tensor]) -> Arch:
        """The architecture that the paper's rule reads from a mix. Here, for spaces in which every place is a decision:
        the candidate with the largest weight at every place, the first of equal ones."""
        return tuple(int(weights.argmax()) for weights in mix)

    def path(self, arch: Arch) -> list[Tensor]:
        """The mix of zeros and ones that computes one architecture. Here, for spaces in which every place is a
        decision: one-hot vectors on the supernet's device, in its dtype."""
        like = next(self.parameters())
        return [like.new_tensor([float(i == option) for i in range(n)]) for option, n in zip(arch, self.shape)]

    @abstractmethod
    def inherit(self, arch: Arch) -> nn.Module:
        """One architecture as a plain network `x -> logits` with a copy of this supernet's weights, computed operation
        by operation. `forward(x, path(arch))` must equal it."""


def used(weights: Tensor) -> list[int]:
    """The candidates of a place that must be computed: all where the weights need gradients or differ between images,
    else those whose weight is not 0."""
    if weights.requires_grad or weights.dim() > 1:
        return list(range(len(weights)))
    return weights.nonzero().flatten().tolist()


def use_batch_statistics(module: Module) -> Module:
    """Removes the running averages of all batch normalisations in a module, which is returned: from now on they use the
    statistics of the batch, also in evaluation mode."""
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.track_running_stats = False
            norm.running_mean = norm.running_var = norm.num_batches_tracked = None
    return module
