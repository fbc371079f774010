"""Prepared datasets on disk: plain uint8 arrays with a manifest and checksums, written whole or not at all."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from protocols.datasets.parts.splits import SPLITS
from spaces.base import UserError

if TYPE_CHECKING:
    from torch import Tensor

LARGE = 96  # pixels; from here on images are stored with a margin of 1/7 (224 -> 256) for random resized crops
SCHEMA = 1


@dataclass(frozen=True)
class Source:
    """A dataset before it is prepared: class names, and for each split its images with their labels.

    An image is a file to decode or a uint8 array, (height, width) or (height, width, 3).
    """

    classes: tuple[str, ...]
    images: Mapping[str, Sequence[Path | np.ndarray]]
    labels: Mapping[str, Sequence[int]]


class Split(NamedTuple):
    """images: uint8 (n, inputs, side, side), mapped from disk; labels: int64 (n,)."""

    images: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Data:
    """A prepared dataset. `mean` and `std` are those of train and val together, a channel, for pixels from 0 to 1."""

    name: str
    image: int  # pixels that networks see; images are stored with side `image` or, if large, 8/7 of it
    classes: tuple[str, ...]
    inputs: int
    flip: bool
    mean: tuple[float, ...]
    std: tuple[float, ...]
    sha256: str  # of all pixels, labels and facts above but the name, which may hold a path
    train: Split
    val: Split
    test: Split


def write(source: Source, facts: Mapping[str, Any], image: int, out: Path) -> None:
    """Decodes, resizes and writes everything into a new folder `out`, which replaces an older one.

    facts: name, inputs, flip and texts for the manifest. UserError names images that cannot be decoded.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = out.parent / f".{out.name}.{os.getpid()}.tmp"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        _write(source, dict(facts), image, folder)
        _sync(folder)
        shutil.rmtree(out, ignore_errors=True)
        folder.rename(out)
        _sync(out.parent)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read(folder: Path, verify: bool = True) -> Data:
    """The prepared dataset of a folder; UserError where a file is missing, truncated or not what was written."""
    import torch

    facts = manifest(folder)

    def split(name: str) -> Split:
        arrays = (_array(folder, f"{name}.{part}.npy", facts, verify) for part in ("images", "labels"))
        return Split(*map(torch.from_numpy, arrays))

    return Data(
        **{key: facts[key] for key in ("name", "image", "inputs", "flip", "sha256")},
        **{key: tuple(facts[key]) for key in ("classes", "mean", "std")},
        **{name: split(name) for name in SPLITS},
    )


def _write(source: Source, manifest: dict[str, Any], image: int, folder: Path) -> None:
    side = image if image < LARGE else round(image * 8 / 7)
    shades = np.zeros((manifest["inputs"], 256), np.int64)
    broken: list[str] = []
    for split in SPLITS:
        seen = np.zeros_like(shades) if split == "test" else shades  # test images have no say in mean and std
        _write_images(source.images[split], folder / f"{split}.images.npy", side, seen, broken)
        labels = _checked(source.labels[split], len(source.images[split]), source.classes, split)
        with open(folder / f"{split}.labels.npy", "xb") as file:
            np.save(file, labels, allow_pickle=False)
    if broken:
        more = f" and {len(broken) - 5} more" if len(broken) > 5 else ""
        raise UserError(f"cannot decode {', '.join(broken[:5])}{more}: replace or remove them")
    _write_listing(source, folder / "splits.csv")
    counts = {s: np.bincount(source.labels[s], minlength=len(source.classes)).tolist() for s in SPLITS}
    manifest |= {"schema": SCHEMA, "image": image, "side": side, "classes": list(source.classes), "counts": counts}
    manifest["mean"], manifest["std"] = _moments(shades)
    manifest["files"] = {f.name: _digest(f) for f in sorted(folder.glob("*.npy"))}
    manifest["sha256"] = _identity(manifest)
    manifest["versions"] = _versions()
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    for file in folder.iterdir():
        _sync(file)


def _write_images(images: Sequence, path: Path, side: int, shades: np.ndarray, broken: list[str]) -> None:
    """Streams the images into an npy file, counting the shades of each channel. Streamed, not mapped: a full disk is
    then an error that can be caught, not a signal that kills."""
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(images), len(shades), side, side)}
    with open(path, "xb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for image in images:
            try:
                pixels = _pixels(image, side, len(shades))
            except Exception:  # Pillow's decoders raise a dozen types; every one means the file is bad
                broken.append(str(image))
                continue
            for channel, count in zip(pixels, shades):
                count += np.bincount(channel.ravel(), minlength=256)
            file.write(pixels.tobytes())


def _pixels(image: Path | np.ndarray, side: int, channels: int) -> np.ndarray:
    """uint8 (channels, side, side): resize and centre crop with Pillow's antialiased bilinear filter."""
    from PIL import Image, ImageOps

    picture = Image.fromarray(image) if isinstance(image, np.ndarray) else Image.open(image)
    with picture:
        if picture.mode.startswith("I"):  # 16-bit grey: Pillow would clip it to white
            picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
        picture = picture.convert("L" if channels == 1 else "RGB")
        if picture.size != (side, side):
            picture = ImageOps.fit(picture, (side, side), Image.Resampling.BILINEAR)
        return np.asarray(picture).reshape(side, side, channels).transpose(2, 0, 1)


def _checked(labels: Sequence[int], images: int, classes: tuple[str, ...], split: str) -> np.ndarray:
    array = np.asarray(labels, np.int64)
    if len(array) != images or not images:
        raise UserError(f"split {split} has {images} images and {len(array)} labels: is a file truncated?")
    if array.min() < 0 or array.max() >= len(classes):
        raise UserError(
            f"split {split} has labels {array.min()} to {array.max()}, but there are {len(classes)} classes"
        )
    return array


def _write_listing(source: Source, path: Path) -> None:
    """Which file went to which split, for datasets that are made of files."""
    rows = [(s, i, y) for s in SPLITS for i, y in zip(source.images[s], source.labels[s]) if isinstance(i, Path)]
    if rows:
        with open(path, "x", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([("split", "file", "label"), *rows])


def _moments(shades: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel from exact counts; a constant channel gets one grey level."""
    levels, total = np.arange(256) / 255, shades.sum(1)
    mean = shades @ levels / total
    std = np.sqrt(np.maximum(shades @ levels**2 / total - mean**2, 255.0**-2))
    return mean.round(6).tolist(), std.round(6).tolist()


def _identity(manifest: Mapping[str, Any]) -> str:
    keys = ("schema", "image", "inputs", "classes", "counts", "mean", "std", "flip", "files")
    return hashlib.sha256(json.dumps([manifest[key] for key in keys]).encode()).hexdigest()


def _versions() -> dict[str, str]:
    import PIL

    return {"python": sys.version.split()[0], "numpy": np.__version__, "pillow": PIL.__version__}


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def manifest(folder: Path) -> dict[str, Any]:
    """The facts of a prepared dataset; UserError where they were cut or edited."""
    try:
        facts = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        intact = facts["schema"] == SCHEMA and facts["sha256"] == _identity(facts)
    except FileNotFoundError:
        raise UserError(f"{folder} is not a prepared dataset (no manifest.json): delete it and rerun") from None
    except (ValueError, KeyError, TypeError):
        intact = False
    if not intact:
        raise UserError(f"{folder / 'manifest.json'} is truncated or edited: delete {folder} and rerun")
    return facts


def _array(folder: Path, name: str, manifest: Mapping[str, Any], verify: bool) -> np.ndarray:
    """Mapped copy-on-write: nothing is read before it is used, and nothing written reaches the file."""
    path = folder / name
    try:
        if not verify or _digest(path) == manifest["files"][name]:
            return np.load(path, mmap_mode="c", allow_pickle=False)
    except (OSError, ValueError, KeyError):
        pass
    raise UserError(f"{path} is missing, truncated or edited: delete {folder} and rerun")
