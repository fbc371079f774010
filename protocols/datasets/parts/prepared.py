"""A prepared dataset: a folder with arrays and a manifest, loaded as tensors. Searches and trainings read nothing else.

The folder holds {train,val,test}.{images,labels}.npy, manifest.json and, for datasets made of files, splits.csv. The
manifest has the facts, the number of images of each class, mean and standard deviation, and the SHA-256 of each array.
numpy and torch are imported when arrays are loaded, not before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from spaces.base import UserError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

SPLITS = ("train", "val", "test")
SCHEMA = 1


class Split(NamedTuple):
    """images: uint8 (n, inputs, side, side), mapped from disk; labels: int64 (n,)."""

    images: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Data:
    """A prepared dataset. `mean` and `std` have a number per channel, of train and val together, for pixels from 0
    to 1."""

    name: str
    image: int  # pixels that networks see; images are stored with side `image` or, if large, 8/7 of it
    classes: tuple[str, ...]
    inputs: int
    flip: bool
    mean: tuple[float, ...]
    std: tuple[float, ...]
    sha256: str  # of all pixels, labels and facts above except the name, which may hold a path
    train: Split
    val: Split
    test: Split


def load(folder: Path, verify: bool = True) -> Data:
    """The prepared dataset in a folder as tensors mapped from disk; `verify` compares the arrays' SHA-256 first.

    UserError where a file is missing, truncated or not what was written.
    """
    import torch

    facts = manifest(folder)

    def split(name: str) -> Split:
        arrays = (_array(Path(folder), f"{name}.{part}.npy", facts, verify) for part in ("images", "labels"))
        return Split(*map(torch.from_numpy, arrays))

    return Data(
        name=facts["name"],
        image=facts["image"],
        classes=tuple(facts["classes"]),
        inputs=facts["inputs"],
        flip=facts["flip"],
        mean=tuple(facts["mean"]),
        std=tuple(facts["std"]),
        sha256=facts["sha256"],
        train=split("train"),
        val=split("val"),
        test=split("test"),
    )


def manifest(folder: Path) -> dict[str, Any]:
    """What is known of the prepared dataset in a folder, without its arrays; UserError where it was cut or edited."""
    path = Path(folder) / "manifest.json"
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        intact = facts["schema"] == SCHEMA and facts["sha256"] == identity(facts)
    except FileNotFoundError:
        raise UserError(f"{folder} is not a prepared dataset (no manifest.json): delete it and rerun") from None
    except (ValueError, KeyError, TypeError):
        intact = False
    if not intact:
        raise UserError(f"{path} is truncated or edited: delete {folder} and rerun")
    return facts


def identity(facts: Mapping[str, Any]) -> str:
    """SHA-256 of what decides a result: the arrays' own hashes and the facts that training uses."""
    keys = ("schema", "image", "inputs", "classes", "counts", "mean", "std", "flip", "files")
    return hashlib.sha256(json.dumps([facts[key] for key in keys]).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _array(folder: Path, name: str, facts: Mapping[str, Any], verify: bool) -> np.ndarray:
    """Mapped copy-on-write: nothing is read before it is used, and nothing written reaches the file."""
    import numpy as np

    path = folder / name
    try:
        if not verify or file_digest(path) == facts["files"][name]:
            return np.load(path, mmap_mode="c", allow_pickle=False)
    except (OSError, ValueError, KeyError):
        pass
    raise UserError(f"{path} is missing, truncated or edited: delete {folder} and rerun")
