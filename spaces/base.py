"""What a search space is: which decisions can be made, how they are written down, and how they become a network.

Importing a space imports no torch: an architecture is a tuple of integers, so planning, sampling and reading texts cost
nothing. Networks live in `spaces/_*.py` and are imported by `network` and `supernet` when one is built.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spaces.parts.network import Network, Supernet

Arch = tuple[int, ...]
"""An architecture as a value: the option taken at each decision of its space."""


class UserError(ValueError):
    """A mistake of the user's: its message is one line that says what is wrong, where, and what would mend it."""


@dataclass(frozen=True)
class Size:
    """How large a network is built. `channels` is the width of the first stage; `image` is in pixels."""

    channels: int
    cells: int
    classes: int
    image: int
    inputs: int = 3
    stem: str = "cifar"  # "cifar": one 3x3 convolution; "imagenet": three of stride 2 (cell spaces only)
    auxiliary: bool = False


class Space(ABC):
    """A search space. Subclasses are frozen dataclasses: their fields are the readings of the space they offer.

    A *design* is the literature's own form of an architecture (a genotype, a list of blocks). Every `Arch` has a
    design; a design may lie outside the space (NASNet's genotype, say) and can still be built and trained.
    """

    choices: tuple[int, ...]
    """Number of options at each decision; sampling, mutation and neighbourhoods come from it."""

    published: Size
    """The size at which the paper reports parameters and multiply-adds."""

    searched: Size
    """The size of the paper's supernet."""

    @abstractmethod
    def decode(self, arch: Arch) -> Any:
        """The design of an architecture."""

    @abstractmethod
    def encode(self, design: Any) -> Arch:
        """The architecture of a design; UserError where the design lies outside the space."""

    @abstractmethod
    def write(self, design: Any) -> str:
        """Canonical text of a design, in the literature's notation, on one line."""

    @abstractmethod
    def read(self, text: str) -> Any:
        """The design a text describes; UserError that says where the text is wrong."""

    @abstractmethod
    def network(self, design: Any, size: Size) -> Network:
        """The stand-alone network of a design, with fresh weights."""

    def supernet(self, size: Size) -> Supernet:
        """The weight-sharing network of the whole space."""
        raise UserError(f"space {type(self).__name__} has no supernet: use a method that needs none")

    def costs(self, size: Size, metric: str) -> tuple[float, list[list[float]]]:
        """(constant, cost of each option at each decision) where the cost of a network is their sum.

        `metric` is "macs" (multiply-adds, batch 1) or "parameters". UserError where costs do not add up this way.
        """
        raise UserError(f"space {type(self).__name__} has no additive cost: use a method without a cost term")

    def text(self, arch: Arch) -> str:
        return self.write(self.decode(arch))

    def parse(self, text: str) -> Arch:
        return self.encode(self.read(text))

    def build(self, arch: Arch, size: Size) -> Network:
        return self.network(self.decode(arch), size)

    def valid(self, arch: Arch) -> bool:
        return len(arch) == len(self.choices) and all(
            0 <= option < options for option, options in zip(arch, self.choices)
        )

    def sample(self, rng: random.Random) -> Arch:
        """An architecture drawn uniformly from the valid ones."""
        while True:
            arch = tuple(rng.randrange(options) for options in self.choices)
            if self.valid(arch):
                return arch

    def mutate(self, arch: Arch, rng: random.Random) -> Arch:
        """A valid architecture that differs in one decision, drawn uniformly over decisions, then options."""
        open_decisions = [i for i, options in enumerate(self.choices) if options > 1]
        while True:
            i = rng.choice(open_decisions)
            option = (arch[i] + rng.randrange(1, self.choices[i])) % self.choices[i]
            child = (*arch[:i], option, *arch[i + 1 :])
            if self.valid(child):
                return child

    def neighbours(self, arch: Arch) -> Iterator[Arch]:
        """Every valid architecture that differs in exactly one decision."""
        for i, options in enumerate(self.choices):
            for option in range(options):
                child = (*arch[:i], option, *arch[i + 1 :])
                if option != arch[i] and self.valid(child):
                    yield child
