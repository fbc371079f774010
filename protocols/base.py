"""What a protocol is: how everything is trained and measured, the same for all methods. Data, no code.

Every protocol is an entry of the folder `protocols/`: a file `name.py`, or a folder `name/` with an `__init__.py`, that
defines `PROTOCOL`, a `Protocol`. `base`, `parts`, `datasets` and `tables` are no entries, nor is a name that begins
with `_`. The entry's name is the protocol's key in configurations and its folder under results/. The file's docstring
has a sentence that begins with "Expected:" and says what a run gives and costs.

All classes check their numbers: UserError names the field, the bound and the value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

from spaces.base import UserError
from spaces.parts.cpu.numerics import MODES, NATIVE

__all__ = ["Budget", "Fidelity", "Lookup", "Protocol", "Recipe", "Setting", "Tricks"]


POLICIES = ("", "cifar10", "imagenet", "svhn")
"""Of AutoAugment (Cubuk et al., CVPR 2019), as torchvision has them; "": none."""
STEMS = ("cifar", "imagenet")


def _later(default: Any) -> Any:
    """A field that protocols got after records had been made: `described` leaves it out where it has its default, so
    that those records stay valid."""
    return field(default=default, metadata={"later": True})


def described(value: Any) -> dict[str, Any]:
    """A setting as records hold it: its fields by name, nested."""
    found = {each.name: (each, getattr(value, each.name)) for each in fields(value)}
    return {
        name: described(own) if is_dataclass(own) else dict(own) if isinstance(own, Mapping) else own
        for name, (each, own) in found.items()
        if not (each.metadata.get("later") and own == each.default)
    }


def _at_least(owner: Any, **bounds: float) -> None:
    for name, bound in bounds.items():
        if not getattr(owner, name) >= bound:
            raise UserError(f"{type(owner).__name__}.{name} must be at least {bound}, got {getattr(owner, name)}")


def _one_of(owner: Any, name: str, known: tuple[str, ...]) -> None:
    if getattr(owner, name) not in known:
        listed = ", ".join(text or '""' for text in known)
        raise UserError(f"{type(owner).__name__}.{name} must be one of {listed}, got {getattr(owner, name)!r}")


def _share(owner: Any, name: str, least: bool = False, most: bool = False) -> None:
    """Between 0 and 1; whether these are allowed themselves."""
    value = getattr(owner, name)
    if not (0 < value < 1 or (least and value == 0) or (most and value == 1)):
        bounds = f"{'at least' if least else 'above'} 0 and {'at most' if most else 'below'} 1"
        raise UserError(f"{type(owner).__name__}.{name} must be {bounds}, got {value}")


@dataclass(frozen=True)
class Budget:
    """What a search can spend. It is counted, never timed, so that a slow machine finds the same architecture."""

    epochs: int  # passes over the half of the training data that trains shared weights
    batch: int  # images per step
    candidates: int = 8  # architectures that a method can compare with shared weights before it chooses one
    evaluations: int = 0  # short trainings from scratch, or look-ups in a table
    evaluation_epochs: int = 0  # epochs of each of them, at full fidelity
    epochs_of: Mapping[str, int] = field(default_factory=dict, hash=False)  # method -> epochs, where not `epochs`

    def __post_init__(self) -> None:
        _at_least(self, epochs=1, batch=2, candidates=1, evaluations=0, evaluation_epochs=0)
        for method, epochs in self.epochs_of.items():
            if not epochs >= 1:
                raise UserError(f"Budget.epochs_of: {method} must search at least 1 epoch, got {epochs}")

    def of(self, method: str) -> Budget:
        """The budget of one method, with `epochs` replaced by its own number, if any, and without `epochs_of`."""
        return replace(self, epochs=self.epochs_of.get(method, self.epochs), epochs_of={})


@dataclass(frozen=True)
class Fidelity:
    """How much is spent on one evaluation. The fractions are of what a training of the protocol has; they are the four
    reductions of EcoNAS (Zhou et al., CVPR 2020): channels c, resolution r, samples s, epochs e."""

    epochs: int
    channels: float = 1.0
    resolution: float = 1.0
    samples: float = 1.0

    def __post_init__(self) -> None:
        _at_least(self, epochs=1)
        for name in ("channels", "resolution", "samples"):
            _share(self, name, most=True)

    @property
    def passes(self) -> float:
        """The cost: passes over the training half. An image of fewer pixels, or in a narrower network, counts whole."""
        return self.epochs * self.samples


@dataclass(frozen=True)
class Recipe:
    """How every architecture is trained. The learning rate falls from `lr` to `lr_min` along half a cosine, once
    per epoch."""

    epochs: int
    batch: int  # images per step
    lr: float
    lr_min: float = 0.0
    momentum: float = 0.9  # of "sgd"
    weight_decay: float = 3e-4
    clip: float = 5.0  # largest global norm of the gradients
    optimizer: str = "sgd"  # "sgd", with momentum, or "adam"

    def __post_init__(self) -> None:
        _at_least(self, epochs=1, batch=2, lr=0, lr_min=0, weight_decay=0, clip=0)
        _share(self, "momentum", least=True)
        _one_of(self, "optimizer", ("sgd", "adam"))


@dataclass(frozen=True)
class Lookup:
    """Nothing is trained: accuracies come from a table, the dataset `table:FOLDER#NAME`. Searches are told validation
    accuracies, and what they find is judged by the mean test accuracy at the table's highest fidelity."""

    runs: str = "one"  # "one": the validation accuracy of one of an architecture's runs, by seed; "mean": of all
    epochs: int = _later(0)  # after which finds are judged; 0: the table's highest fidelity
    judged: str = _later("mean")  # by the mean of all runs, or "one": by the run that the training's repeat counts

    def __post_init__(self) -> None:
        _at_least(self, epochs=0)
        for name in ("runs", "judged"):
            _one_of(self, name, ("one", "mean"))


@dataclass(frozen=True)
class Tricks:
    """What is added to the recipe. According to "NAS evaluation is frustratingly hard" (ICLR 2020), these matter more
    than most searches."""

    auxiliary: float = 0.0  # weight of the auxiliary head's loss; 0: no head
    drop_path: float = 0.0  # probability after the last epoch; it grows linearly from 0
    cutout: int = 0  # side of the blanked square, in pixels; 0: none
    crop: int = (
        0  # pixels of padding before a random crop; 0: no crop. With stem "imagenet": 1 for a random resized crop
    )
    flip: bool = True  # random mirroring, on datasets where a mirrored image keeps its class
    auto_augment: str = _later("")  # one of POLICIES; needs torchvision

    def __post_init__(self) -> None:
        _at_least(self, auxiliary=0, cutout=0, crop=0)
        _share(self, "drop_path", least=True)
        _one_of(self, "auto_augment", POLICIES)


@dataclass(frozen=True)
class Setting:
    """The protocol of one dataset: image size, network sizes, budget, recipe and tricks.

    Widths are fractions of the channels that each space published, so that one protocol fits all spaces. The numbers of
    cells count in cell spaces only; layer-wise spaces have a fixed depth.
    """

    image: int  # side of the images, in pixels
    width: float  # of trained networks, as a fraction of Space.published.channels
    cells: int  # of trained networks
    search_width: float  # of supernets, as a fraction of Space.searched.channels
    search_cells: int  # of supernets
    budget: Budget
    recipe: Recipe | Lookup
    tricks: Tricks
    stem: str = "cifar"  # Size.stem; "imagenet", for large images, also changes the augmentation
    samples: float = _later(1.0)  # share of the training images that trainings see; searches see all

    def __post_init__(self) -> None:
        _at_least(self, image=1, cells=1, search_cells=1)
        _one_of(self, "stem", STEMS)
        _share(self, "samples", most=True)
        for name in ("width", "search_width"):
            if not 0 < getattr(self, name) < math.inf:
                raise UserError(f"Setting.{name} must be above 0, got {getattr(self, name)}")

    @property
    def training(self) -> Recipe:
        """The recipe of a protocol that trains. TypeError where it looks up."""
        if isinstance(self.recipe, Recipe):
            return self.recipe
        raise TypeError("this protocol trains nothing")

    @property
    def looks_up(self) -> bool:
        """Whether accuracies come from a table."""
        return isinstance(self.recipe, Lookup)


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
    """`version`: see `Version`. `settings` holds the datasets that differ from `default`. `numerics`: "portable", the
    same bits on every x86-64 processor with AVX2 and FMA, and no GPU; or "native", the fastest code of the machine. A
    configuration can name the other."""

    version: str
    default: Setting
    settings: Mapping[str, Setting] = field(default_factory=dict)
    numerics: str = NATIVE

    def __post_init__(self) -> None:
        if Version.parse(self.version).minor is None:
            raise UserError(f"version {self.version!r} of a protocol has no MINOR: write {self.version}.0")
        if self.numerics not in MODES:
            raise UserError(f"Protocol.numerics must be one of {', '.join(MODES)}, got {self.numerics!r}")

    def setting(self, dataset: str) -> Setting:
        """The setting of a dataset, which is the default where it has none of its own."""
        return self.settings.get(dataset, self.default)
