"""Prepares a dataset: decodes, resizes and writes the folder that `parts/prepared.py` reads, whole or not at all."""

from __future__ import annotations

import csv
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import PIL

from protocols.datasets.base import Dataset, RawData
from protocols.datasets.parts.pixels import pixels
from protocols.datasets.parts.prepared import SCHEMA, file_digest, identity
from spaces.base import UserError

LARGE = 96  # pixels; from here on images are stored with a margin of 1/7 (224 -> 256) for random resized crops


def prepare(dataset: Dataset, image: int, out: Path, root: Path = Path("data")) -> None:
    """Writes a dataset for networks that see `image` x `image` pixels as the folder `out`, which replaces an older one.

    root: the data root, where downloads lie. The same versions of Python, numpy and Pillow write the same bytes.
    UserError where a file is missing or broken, and where labels or classes are not what the dataset says; an
    older folder is then left as it was.
    """
    dataset.check(root)
    raw = dataset.read(root)
    if len(raw.classes) != dataset.classes:
        raise UserError(f"dataset {dataset.name} has {len(raw.classes)} classes, but says {dataset.classes}")
    with replaced(Path(out)) as folder:
        shades = _write_arrays(raw, dataset.inputs, stored_side(image), folder)
        _write_listing(raw, folder / "splits.csv")
        manifest = json.dumps(_manifest(dataset, raw, image, shades, folder), indent=1)
        (folder / "manifest.json").write_text(f"{manifest}\n", encoding="utf-8")


def stored_side(image: int) -> int:
    """Side in pixels with which an image is stored for networks that see `image` pixels."""
    return image if image < LARGE else round(image * 8 / 7)


@contextmanager
def replaced(out: Path) -> Iterator[Path]:
    """A new folder to write to. It takes the place of `out` when all is written and on the disk, and not before."""
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = out.parent / f".{out.name}.{os.getpid()}.tmp"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
        for path in (*folder.iterdir(), folder):
            _sync(path)
        shutil.rmtree(out, ignore_errors=True)
        folder.rename(out)
        _sync(out.parent)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_arrays(raw: RawData, channels: int, side: int, folder: Path) -> np.ndarray:
    """Images and labels of each split. Returns how often each shade occurs in train and val: int64 (channels, 256)."""
    shades = np.zeros((channels, 256), np.int64)
    broken: list[str] = []
    for split, items in raw.splits().items():
        labels = _labels([label for _, label in items], len(raw.classes), split)
        counted = np.zeros_like(shades) if split == "test" else shades  # test images must not decide mean and std
        broken += _write_images([image for image, _ in items], folder / f"{split}.images.npy", side, counted)
        with open(folder / f"{split}.labels.npy", "xb") as file:
            np.save(file, labels, allow_pickle=False)
    if broken:
        more = f" and {len(broken) - 5} more" if len(broken) > 5 else ""
        raise UserError(f"cannot decode {', '.join(broken[:5])}{more}: replace or remove them")
    return shades


def _labels(labels: list[int], classes: int, split: str) -> np.ndarray:
    array = np.asarray(labels, np.int64)
    if not len(array):
        raise UserError(f"split {split} has no image: is a file truncated?")
    if array.min() < 0 or array.max() >= classes:
        raise UserError(f"split {split} has labels {array.min()} to {array.max()}, but there are {classes} classes")
    return array


def _write_images(images: list[Path | np.ndarray], path: Path, side: int, shades: np.ndarray) -> list[str]:
    """Writes an npy file image by image, adds up the shades of each channel, and returns the files that cannot be
    decoded. Not mapped to memory: a full disk is then an error that can be caught, not a signal that ends the process.
    """
    broken = []
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(images), len(shades), side, side)}
    with open(path, "xb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for image in images:
            try:
                channels = pixels(image, side, len(shades))
            except Exception:  # Pillow's decoders raise a dozen types; every one means that the file is bad
                broken.append(str(image))
                continue
            for channel, count in zip(channels, shades):
                count += np.bincount(channel.ravel(), minlength=256)
            file.write(channels.tobytes())
    return broken


def _write_listing(raw: RawData, path: Path) -> None:
    """Which file went to which split, for datasets that are made of files."""
    rows = [(s, image, label) for s, items in raw.splits().items() for image, label in items if isinstance(image, Path)]
    if rows:
        with open(path, "x", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([("split", "file", "label"), *rows])


def _manifest(dataset: Dataset, raw: RawData, image: int, shades: np.ndarray, folder: Path) -> dict[str, Any]:
    facts: dict[str, Any] = {key: getattr(dataset, key) for key in ("name", "inputs", "flip", "source", "licence")}
    labels = {split: [label for _, label in items] for split, items in raw.splits().items()}
    mean, std = _moments(shades)
    facts |= {
        "split": dataset.split,
        "schema": SCHEMA,
        "image": image,
        "side": stored_side(image),
        "classes": list(raw.classes),
        "counts": {s: np.bincount(of, minlength=len(raw.classes)).tolist() for s, of in labels.items()},
        "mean": mean,
        "std": std,
        "files": {file.name: file_digest(file) for file in sorted(folder.glob("*.npy"))},
    }
    versions = {"python": sys.version.split()[0], "numpy": np.__version__, "pillow": PIL.__version__}
    return facts | {"sha256": identity(facts), "versions": versions}


def _moments(shades: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and standard deviation per channel from exact counts; a constant channel gets one grey level as its std."""
    levels, total = np.arange(256) / 255, shades.sum(1)
    mean = shades @ levels / total
    std = np.sqrt(np.maximum(shades @ levels**2 / total - mean**2, 255.0**-2))
    return mean.round(6).tolist(), std.round(6).tolist()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
