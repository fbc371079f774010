"""The files of an image folder, and which split each is in.

Layout: `PATH/train/<class>/*`, `PATH/test/<class>/*` and perhaps `PATH/val/<class>/*`; or `PATH/<class>/*`. Listing
only, no decoding: this is imported while a run is planned.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from protocols.datasets.parts.prepared import SPLITS
from protocols.datasets.parts.splits import SHARES, divided
from spaces.base import UserError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
LAYOUT = "PATH/train/<class>/*.png and PATH/test/<class>/*.png, or PATH/<class>/*.png"


def class_names(path: Path) -> tuple[str, ...]:
    """Names of the class folders, sorted; UserError unless there are two or more and all splits agree."""
    if not path.is_dir():
        raise UserError(f"image folder {path} does not exist: wanted {LAYOUT}")
    found = _folders(path)
    if "train" in found or "test" in found:
        return _agreed(path)
    if len(found) < 2:
        raise UserError(f"image folder {path} has {len(found)} class folders, at least 2 are needed: wanted {LAYOUT}")
    return found


def check_images(path: Path) -> None:
    """UserError where a class has no image at all; stops at the first image of each class."""
    for name in class_names(path):
        for folder in _places(path, name):
            if next(_images(folder), None) is None:
                raise UserError(f"class folder {folder} has no image ({', '.join(SUFFIXES)}): add some or remove it")


def listed(path: Path, seed: str) -> dict[str, list[tuple[Path, int]]]:
    """(file, label) of every image of each split, in the order of class and file name.

    What the layout does not give is drawn from `seed`, stratified by class: without `val`, `train` is halved; without
    `train` and `test`, `SHARES` become train, val and test. UserError where a split gets no image of a class.
    """
    check_images(path)
    names = class_names(path)
    splits = {split: _files(path / split, names) for split in SPLITS if split in _folders(path)}
    if "train" not in splits:
        splits = _drawn(_files(path, names), SPLITS, SHARES, seed)
    elif "val" not in splits:
        splits |= _drawn(splits["train"], ("train", "val"), (0.5, 0.5), seed)
    for split in SPLITS:
        if empty := set(range(len(names))) - {label for _, label in splits[split]}:
            raise UserError(f"class {names[min(empty)]} of {path} has too few images to give one to {split}: add some")
    return splits


def _folders(path: Path) -> tuple[str, ...]:
    return tuple(sorted(child.name for child in path.iterdir() if child.is_dir() and not child.name.startswith(".")))


def _agreed(path: Path) -> tuple[str, ...]:
    for split in ("train", "test"):
        if not (path / split).is_dir():
            raise UserError(f"image folder {path} has no {split}/: wanted {LAYOUT}")
    names = _folders(path / "train")
    if len(names) < 2:
        raise UserError(f"image folder {path / 'train'} has {len(names)} class folders, at least 2 are needed")
    for split in ("val", "test"):
        if (path / split).is_dir() and (odd := sorted(set(names) ^ set(_folders(path / split)))):
            raise UserError(f"classes of {path}/train and {path}/{split} differ: {odd[0]} is in only one of them")
    return names


def _places(path: Path, name: str) -> list[Path]:
    """The folders that hold a class: one in each split, or just one."""
    return [path / split / name for split in SPLITS if (path / split / name).is_dir()] or [path / name]


def _images(folder: Path) -> Iterator[Path]:
    return (f for f in folder.iterdir() if f.suffix.lower() in SUFFIXES and not f.name.startswith("."))


def _files(path: Path, names: tuple[str, ...]) -> list[tuple[Path, int]]:
    return [(file, label) for label, name in enumerate(names) for file in sorted(_images(path / name))]


def _drawn(
    items: list[tuple[Path, int]], splits: tuple[str, ...], shares: tuple[float, ...], seed: str
) -> dict[str, list[tuple[Path, int]]]:
    return dict(zip(splits, divided(items, [label for _, label in items], shares, seed)))
