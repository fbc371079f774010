"""What a search space is: the decisions it offers, how an architecture is written, and how it becomes a network.

Every space is an entry of the folder `spaces/`: a file `name.py`, or a folder `name/` with an `__init__.py`. The entry
defines the class of the same name in CamelCase (`single_path` has `SinglePath`), a frozen dataclass derived from
`Space`. `base` and `parts` are no entries, nor is a name that begins with `_`. The entry's name is the space's key in
configurations, its folder under results/ and its label in tables.

Importing a space must not import torch: an architecture is a tuple of integers, so that planning, sampling and reading
texts stay instant. The modules that build networks are imported inside `network` and `supernet`.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from spaces.parts.arch import Arch

if TYPE_CHECKING:
    from spaces.parts.network import Network, Supernet

__all__ = ["Arch", "Size", "Space", "UserError"]


class UserError(ValueError):
    """A mistake of the user's. Its message is one line that says what is wrong, where, and how to correct it."""


@dataclass(frozen=True)
class Size:
    """How large a network is built."""

    channels: int  # width of the first stage, as the space's paper counts it
    cells: int  # number of stacked cells; layer-wise spaces ignore it
    classes: int
    image: int  # side of the square input images, in pixels
    inputs: int = 3  # channels of the input images
    stem: str = "cifar"  # "cifar": one 3x3 convolution; "imagenet": three of stride 2 (cell spaces only)
    auxiliary: bool = False  # whether the network has an auxiliary head, used in training only


class Space(ABC):
    """A search space. Subclasses are frozen dataclasses; their fields are the readings of the paper that they offer.

    A *design* is the literature's own form of an architecture: a genotype, or a list of block names. Every `Arch` has a
    design. A design can lie outside the space (NASNet's genotype in the space darts, for example); it can still be
    written, built and trained.

    A space defines `choices`, `published`, `searched`, `decode`, `encode`, `write`, `read` and `network`. `supernet`,
    `candidates` and `costs` are optional: methods that need them decline a space without them. The rest follows from
    these.
    """

    choices: tuple[int, ...]
    """Number of options at each decision. Sampling, mutation and neighbourhoods follow from it."""

    published: ClassVar[Size]
    """The size at which the paper reports parameters and multiply-adds. A protocol's `width` is a fraction of its
    `channels`."""

    searched: ClassVar[Size]
    """The size of the paper's supernet. A protocol's `search_width` is a fraction of its `channels`."""

    @abstractmethod
    def decode(self, arch: Arch) -> Any:
        """The design of an architecture."""

    @abstractmethod
    def encode(self, design: Any) -> Arch:
        """The architecture of a design. UserError where the design lies outside the space."""

    @abstractmethod
    def write(self, design: Any) -> str:
        """The canonical text of a design, in the literature's notation, on one line. `read` gives the design back."""

    @abstractmethod
    def read(self, text: str) -> Any:
        """The design that a text describes, also outside the space where it can be built. UserError names the position
        of the mistake."""

    @abstractmethod
    def network(self, design: Any, size: Size) -> Network:
        """The stand-alone network of a design: images (n, inputs, image, image) to logits (n, classes). Fresh weights
        are drawn from torch's global generator. UserError where the design or the size cannot be built."""

    def supernet(self, size: Size) -> Supernet:
        """The weight-sharing network of the whole space; fresh weights are drawn from torch's global generator. Its
        `inherit(arch)` computes what `forward(x, path(arch))` does. UserError where the space has none (the default).
        """
        raise UserError(f"space {type(self).__name__} has no supernet: use a method that needs none")

    @property
    def candidates(self) -> tuple[tuple[str, ...], ...]:
        """The names of the supernet's candidates at each place; none where they have no names (the default)."""
        return ()

    def costs(self, size: Size, metric: str) -> tuple[float, list[list[float]]]:
        """(constant, table): the cost of a network is the constant plus `table[decision][option]` over all decisions.

        `metric`: "macs" (multiply-adds for one image) or "parameters" (their number). UserError for another metric, and
        where the costs of a space do not add up (the default).
        """
        raise UserError(f"space {type(self).__name__} has no additive cost: use a method without a cost term")

    def text(self, arch: Arch) -> str:
        """The canonical text of an architecture."""
        return self.write(self.decode(arch))

    def parse(self, text: str) -> Arch:
        """The architecture that a text describes. UserError where the text is wrong or its design outside the space."""
        return self.encode(self.read(text))

    def isomorphism(self, arch: Arch) -> str:
        """A text that architectures share exactly where they are known to be the same network, and that a table can
        have one entry for. Here: the canonical text, which no two share."""
        return self.text(arch)

    def build(self, arch: Arch, size: Size) -> Network:
        """The stand-alone network of an architecture; see `network`."""
        return self.network(self.decode(arch), size)

    def valid(self, arch: Arch) -> bool:
        """Whether a tuple is an architecture of the space. Here: one existing option per decision. A space that
        excludes some combinations overrides it."""
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
        """Every valid architecture that differs in exactly one decision, in the order of decisions and options."""
        for i, options in enumerate(self.choices):
            for option in range(options):
                child = (*arch[:i], option, *arch[i + 1 :])
                if option != arch[i] and self.valid(child):
                    yield child
