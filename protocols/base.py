"""What a protocol is: how everything is trained and measured, the same for all. Data, not code paths."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from spaces.base import UserError


def _at_least(owner: Any, **bounds: float) -> None:
    for name, bound in bounds.items():
        if not getattr(owner, name) >= bound:
            raise UserError(f"{type(owner).__name__}.{name} must be at least {bound}, got {getattr(owner, name)}")


@dataclass(frozen=True)
class Budget:
    """What a search may spend. Counted, never timed, so that a slow machine finds the same architecture."""

    epochs: int  # passes over the search-training half
    batch: int  # images a step
    candidates: int = 8  # architectures a method may compare with shared weights before it chooses
    evaluations: int = 0  # short trainings from scratch
    evaluation_epochs: int = 0  # length of each of them
    epochs_of: Mapping[str, int] = field(default_factory=dict, hash=False)  # of methods that search longer or shorter

    def __post_init__(self) -> None:
        _at_least(self, epochs=1, batch=2, candidates=1, evaluations=0, evaluation_epochs=0)
        for method, epochs in self.epochs_of.items():
            if not epochs >= 1:
                raise UserError(f"Budget.epochs_of: {method} must search at least 1 epoch, got {epochs}")

    def of(self, method: str) -> Budget:
        """What one method may spend."""
        return replace(self, epochs=self.epochs_of.get(method, self.epochs), epochs_of={})


@dataclass(frozen=True)
class Recipe:
    """How every architecture is trained: learning rate from `lr` to `lr_min` along a cosine, stepped once an epoch;
    gradients clipped to the global norm `clip`. `optimizer`: "sgd", with momentum, or "adam"."""

    epochs: int
    batch: int
    lr: float
    lr_min: float = 0.0
    momentum: float = 0.9
    weight_decay: float = 3e-4
    clip: float = 5.0
    optimizer: str = "sgd"

    def __post_init__(self) -> None:
        _at_least(self, epochs=1, batch=2, lr=0, lr_min=0, clip=0)


@dataclass(frozen=True)
class Tricks:
    """What is added to the recipe. NAS evaluation is frustratingly hard (2020): worth more than most searches."""

    auxiliary: float = 0.0  # weight of the auxiliary head's loss; 0: no head
    drop_path: float = 0.0  # probability at the last epoch, growing linearly from 0
    cutout: int = 0  # side of the square that is blanked, pixels; 0: none
    crop: int = 0  # images are padded by so many pixels and cropped at random; for "imagenet": random resized crop
    flip: bool = True  # mirrored at random, on datasets where a mirrored image keeps its class


@dataclass(frozen=True)
class Setting:
    """The protocol of one dataset: image size, network sizes, budget, recipe and tricks.

    Widths are fractions of the channels that each space published, so that one protocol fits all spaces. Cells
    count only in cell spaces; the depth of layer-wise spaces is their own.
    """

    image: int
    width: float
    cells: int
    search_width: float
    search_cells: int
    budget: Budget
    recipe: Recipe
    tricks: Tricks
    stem: str = "cifar"  # "imagenet" for large pictures: Size.stem, and the augmentation that goes with it


@dataclass(frozen=True)
class Version:
    """A protocol's version, `name-MAJOR.MINOR`. Numbers of the same MAJOR are comparable; MINOR counts the changes of
    the code that moved numbers by rounding alone. It is None in records older than this rule (`laptop-2`)."""

    name: str
    major: int
    minor: int | None = None

    @classmethod
    def parse(cls, text: str) -> Version:
        """UserError where the text is no version."""
        found = re.fullmatch(r"([a-z][a-z0-9_]*)-(0|[1-9][0-9]*)(?:\.(0|[1-9][0-9]*))?", text)
        if not found:
            raise UserError(f"{text!r} is no version of a protocol: write name-MAJOR.MINOR, such as laptop-2.0")
        name, major, minor = found.groups()
        return cls(name, int(major), None if minor is None else int(minor))

    def comparable(self, other: Version) -> bool:
        return (self.name, self.major) == (other.name, other.major)


@dataclass(frozen=True)
class Protocol:
    """`version`: see `Version`. `settings` holds the datasets that differ from `default`."""

    version: str
    default: Setting
    settings: Mapping[str, Setting] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if Version.parse(self.version).minor is None:
            raise UserError(f"version {self.version!r} of a protocol has no MINOR: write {self.version}.0")

    def setting(self, dataset: str) -> Setting:
        return self.settings.get(dataset, self.default)
