"""Prepares a dataset: decodes, resizes and writes the folder that `parts/prepared.py` reads, whole or not at all."""

from __future__ import annotations

import csv
import fcntl
import json
import os
import re
import shutil
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import PIL

from protocols.datasets.base import Dataset, RawData
from protocols.datasets.parts.decoding import Range, fault, shown, warned
from protocols.datasets.parts.pixels import pixels
from protocols.datasets.parts.prepared import SCHEMA, file_digest, identity
from protocols.datasets.parts.summary import Notes, contact_sheet, duplicates
from spaces.base import UserError

MANIFEST = "manifest.json"
OURS = re.compile(r"(train|val|test)\.(images|labels)\.npy|manifest\.json|splits\.csv|contact\.png|table\.\w+")
"""The files of a prepared dataset, also of one that has lost some."""
LARGE = 96  # pixels; from here on images are stored with a margin of 1/7 (224 -> 256) for random resized crops


def prepare(dataset: Dataset, image: int, out: Path, root: Path = Path("data")) -> None:
    """Writes a dataset for networks that see `image` x `image` pixels as the folder `out`, which replaces an older one.

    root: the data root, where downloads lie. The same versions of Python, numpy and Pillow write the same bytes.
    UserError where a file is missing or broken, and where labels or classes are not what the dataset says; an
    older folder is then left as it was. Two preparations at once are safe: the second one waits.
    """
    dataset.check(root)
    raw = dataset.read(root)
    if len(raw.classes) != dataset.classes:
        raise UserError(f"dataset {dataset.name} has {len(raw.classes)} classes, but says {dataset.classes}")
    scale = Range.of(file for items in raw.splits().values() for file, _ in items if isinstance(file, Path))
    with replaced(Path(out)) as folder:
        notes = Notes([*dataset.notes(root), *scale.notes(), *duplicates(raw)])
        shades = _write_arrays(raw, dataset.inputs, stored_side(image), folder, (scale, notes))
        _write_listing(raw, folder / "splits.csv")
        facts = _manifest(dataset, raw, image, shades, folder) | {"notes": notes.lines()}
        if listing := dataset.listing(root):
            facts["listing"] = listing
        (folder / MANIFEST).write_text(f"{json.dumps(facts, indent=1)}\n", encoding="utf-8")
        contact_sheet(folder, raw.classes)


def stored_side(image: int) -> int:
    """Side in pixels with which an image is stored for networks that see `image` pixels."""
    return image if image < LARGE else round(image * 8 / 7)


@contextmanager
def replaced(out: Path) -> Iterator[Path]:
    """A new folder to write to. It takes the place of `out` when all is written and on the disk, and not before; an
    older one that holds the same images stays, because others may be reading it. UserError where `out` is something
    else, which would be lost."""
    if out.is_file() or (out.is_dir() and any(not OURS.fullmatch(child.name) for child in out.iterdir())):
        raise UserError(f"{out} holds other things than a prepared dataset, which would take its place: name another")
    out.parent.mkdir(parents=True, exist_ok=True)
    folder, old = (out.parent / f".{out.name}.{os.getpid()}.{kind}" for kind in ("tmp", "old"))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
        for path in (*folder.iterdir(), folder):
            _sync(path)
        with _alone(out.parent):
            if not _same(folder, out):
                if out.exists():
                    out.rename(old)
                folder.rename(out)
                _sync(out.parent)
    finally:
        for left in (folder, old):
            shutil.rmtree(left, ignore_errors=True)


def _same(new: Path, out: Path) -> bool:
    """Whether an older folder is whole and says the same of the same images."""
    try:
        then, now = (json.loads((folder / MANIFEST).read_text(encoding="utf-8")) for folder in (out, new))
        return then == now and all(file_digest(out / name) == digest for name, digest in now["files"].items())
    except (OSError, ValueError, KeyError, AttributeError):
        return False


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time, where the file system can lock."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write_arrays(raw: RawData, channels: int, side: int, folder: Path, decoding: tuple[Range, Notes]) -> np.ndarray:
    """Images and labels of each split. Returns how often each shade occurs in train and val: int64 (channels, 256)."""
    shades = np.zeros((channels, 256), np.int64)
    broken: list[str] = []
    for split, items in raw.splits().items():
        labels = _labels([label for _, label in items], len(raw.classes), split)
        counted = np.zeros_like(shades) if split == "test" else shades  # test images must not decide mean and std
        broken += _write_images([image for image, _ in items], folder / f"{split}.images.npy", side, counted, decoding)
        with open(folder / f"{split}.labels.npy", "xb") as file:
            np.save(file, labels, allow_pickle=False)
    if broken:
        more = f" and {len(broken) - 5} more" if len(broken) > 5 else ""
        raise UserError(f"cannot decode {', '.join(broken[:5])}{more}: replace or remove them; PNG and JPEG are read")
    return shades


def _labels(labels: list[int], classes: int, split: str) -> np.ndarray:
    array = np.asarray(labels, np.int64)
    if not len(array):
        raise UserError(f"split {split} has no image: is a file truncated?")
    if array.min() < 0 or array.max() >= classes:
        raise UserError(f"split {split} has labels {array.min()} to {array.max()}, but there are {classes} classes")
    return array


def _write_images(
    images: list[Path | np.ndarray], path: Path, side: int, shades: np.ndarray, decoding: tuple[Range, Notes]
) -> list[str]:
    """Writes an npy file image by image, adds up the shades of each channel, and returns the files that cannot be
    decoded. Not mapped to memory: a full disk is then an error that can be caught, not a signal that ends the process.
    """
    broken = []
    scale, notes = decoding
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(images), len(shades), side, side)}
    with open(path, "xb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for image in images:
            try:
                with warnings.catch_warnings(record=True, action="always") as heard:
                    channels, said = pixels(image, side, len(shades), scale)
            except Exception as error:  # Pillow's decoders raise a dozen types; every one means that the file is bad
                broken.append(f"{shown(image)} ({fault(image, error)})" if isinstance(image, Path) else "an array")
                continue
            if isinstance(image, Path):
                notes.add(image, [*said, *warned(heard)])
            for channel, count in zip(channels, shades):
                count += np.bincount(channel.ravel(), minlength=256)
            file.write(channels.tobytes())
    return broken


def _write_listing(raw: RawData, path: Path) -> None:
    """Which file went to which split, for datasets that are made of files."""
    rows = [(s, image, label) for s, items in raw.splits().items() for image, label in items if isinstance(image, Path)]
    if rows:
        with open(path, "x", newline="", encoding="utf-8", errors="backslashreplace") as file:
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
