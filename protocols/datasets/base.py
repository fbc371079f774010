"""What a dataset is: facts that are known before it is prepared, and a method that reads its images.

A file in protocols/datasets/ is a dataset. The name of the file is its name in a configuration, and the file holds one
class with the same name in CamelCase (`mnist5k.py`, `Mnist5k`), derived from `Dataset`.

Words: a `Dataset` is what is known of it; `RawData` is its images before preparation; `prepare` (`parts/store.py`)
writes them to a folder; `load` (`parts/prepared.py`) reads that folder as `Data`, the tensors that networks train on.
Searches and trainings import `load` only. How a dataset is prepared affects a record through the SHA-256 of its images,
not through the fingerprint of the code.

Planning imports the files of the datasets that a configuration names. Import numpy and other heavy libraries inside
`read`, not at the top of the file.
"""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spaces.base import UserError

if TYPE_CHECKING:
    import numpy as np

    LabelledImage = tuple[Path | np.ndarray, int]
    """An image file to decode or a uint8 array (height, width) or (height, width, 3), and the number of its class."""


@dataclass(frozen=True)
class RawData:
    """The images of a dataset before preparation, of any size, with a label from 0 to len(classes) - 1 each.

    Weights are trained on `train` and architectures chosen on `val` during a search; retraining uses both together;
    `test` is measured once. No image may be in two splits, and none of the three may be empty.
    """

    classes: tuple[str, ...]  # names, in the order of the labels
    train: Sequence[LabelledImage]
    val: Sequence[LabelledImage]
    test: Sequence[LabelledImage]

    def splits(self) -> dict[str, Sequence[LabelledImage]]:
        """The three splits by name."""
        return {"train": self.train, "val": self.val, "test": self.test}


class Dataset(ABC):
    """A subclass gives the six facts without a default, `read`, and what must be installed or downloaded, if anything.

    The facts go into the manifest of the prepared dataset and into docs/datasets.md.
    """

    classes: int  # number of classes
    inputs: int  # channels: 1 (grey) or 3 (RGB); images are converted
    flip: bool  # a mirrored image keeps its class: protocols that mirror may mirror it
    source: str  # who published it, what it holds, how large an image is
    licence: str
    split: str  # the rule and the sizes of train, val and test

    images: int = 50_000  # in train and val together, or somewhat more: for plans made before it is prepared
    package: str = ""  # the Python module that ships it
    download: str = ""  # what to download from where, and how to name it under the data root

    def __init__(self, name: str) -> None:
        """name: that of its file, or `folder:PATH`. UserError where a fact is not given."""
        self.name = name
        for fact in ("classes", "inputs", "flip", "source", "licence", "split"):
            if not hasattr(self, fact):
                raise UserError(f"dataset {name} does not give its {fact}: protocols/datasets/base.py says what it is")

    def files(self, root: Path) -> list[Path]:
        """The files or folders that must exist under the data root; none where nothing has to be downloaded."""
        return []

    def check(self, root: Path) -> None:
        """UserError where `read` would find a package or a file missing. Decodes nothing: this runs before any job."""
        if self.package and importlib.util.find_spec(self.package) is None:
            raise UserError(f"dataset {self.name} needs the Python package {self.package}: pip install -e .")
        for path in self.files(root):
            if not path.exists():
                raise UserError(f"dataset {self.name} is missing {path}: download {self.download}, under {root}/")

    def listing(self, root: Path) -> str:
        """A text that changes where its files are exchanged, without reading them; none where they are what the file of
        the dataset says."""
        return ""

    def notes(self, root: Path) -> list[str]:
        """What was found and is not used, or used otherwise than expected, in words."""
        return []

    @abstractmethod
    def read(self, root: Path) -> RawData:
        """Its images, labels and splits, the same each time and on every machine.

        root: the data root, where downloads lie. What is drawn at random is drawn from a fixed seed, by
        `parts/splits.py` (splits) or `parts/generators.py` (pixels). UserError where a file is truncated or is not
        what its format says; files that cannot be decoded as images are found later, by `prepare`.
        """
