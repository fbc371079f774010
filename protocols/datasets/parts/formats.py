"""Datasets read from files in their published formats. Hostile files are refused, never executed."""

from __future__ import annotations

import importlib
import pickle
from pathlib import Path

import numpy as np

from protocols.datasets.parts import folders as _folders
from protocols.datasets.parts.splits import SPLITS, stratified
from protocols.datasets.parts.store import Source
from spaces.base import UserError

CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

_ARRAY_PARTS = {  # all that a pickled dict of lists and numpy arrays refers to, under numpy's old and new module names
    ("multiarray", "_reconstruct"),
    ("multiarray", "scalar"),
    ("numeric", "_frombuffer"),
}


class _Unpickler(pickle.Unpickler):
    """Builds numpy arrays and built-in values, and nothing else: a pickle that names anything more is refused."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) in (("numpy", "ndarray"), ("numpy", "dtype")):
            return getattr(np, name)
        if (module, name) == ("_codecs", "encode"):  # how Python 3 writes bytes in protocol 2
            return _latin1
        package, _, part = module.rpartition(".")
        if package in ("numpy.core", "numpy._core") and (part, name) in _ARRAY_PARTS:
            return getattr(importlib.import_module(f"numpy._core.{part}"), name)
        raise pickle.UnpicklingError(f"it refers to {module}.{name}, which no CIFAR batch does")


def image_folder(path: Path, seed: str) -> Source:
    """`folder:PATH`, Sport8 and MIT67: layouts and split rule as in `_folders`."""
    listed = _folders.files(path, seed)
    return _source(_folders.classes(path), listed)


def cifar10(root: Path) -> Source:
    """Python or binary version, https://www.cs.toronto.edu/~kriz/cifar.html."""
    if (folder := root / "cifar-10-batches-py").exists():
        parts = [_batch(folder / name, "labels") for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]]
    else:
        folder = root / "cifar-10-batches-bin"
        parts = [_binary(folder / f"{n}.bin", 1) for n in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]]
    return _cifar(parts, CIFAR10)


def cifar100(root: Path) -> Source:
    """Python or binary version, fine labels; classes are named by their number."""
    if (folder := root / "cifar-100-python").exists():
        parts = [_batch(folder / name, "fine_labels") for name in ("train", "test")]
    else:
        parts = [_binary(root / "cifar-100-binary" / f"{name}.bin", 2) for name in ("train", "test")]
    return _cifar(parts, tuple(map(str, range(100))))


def flowers102(root: Path) -> Source:
    """jpg/image_00001.jpg … and imagelabels.mat (labels 1 to 102, in the order of the images)."""
    from scipy.io import loadmat

    folder = root / "flowers-102"
    try:
        labels = loadmat(folder / "imagelabels.mat")["labels"].ravel().astype(np.int64) - 1
    except Exception as error:  # scipy raises whatever its parser meets in a broken file
        raise UserError(f"cannot read {folder / 'imagelabels.mat'} ({error}): download it again") from None
    files = sorted((folder / "jpg").glob("image_*.jpg"))
    if len(files) != len(labels):
        raise UserError(f"{folder} has {len(files)} images and {len(labels)} labels: unpack 102flowers.tgz again")
    parts = stratified(labels.tolist(), (0.4, 0.4, 0.2), "flowers102")
    listed = {split: [(files[i], int(labels[i])) for i in part] for split, part in zip(SPLITS, parts)}
    return _source(tuple(str(i + 1) for i in range(102)), listed)


SOURCES = {"cifar10": cifar10, "cifar100": cifar100, "flowers102": flowers102}


def _latin1(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it asks for the encoding {encoding}")
    return text.encode("latin1")


def _source(classes: tuple[str, ...], listed: dict[str, list[tuple[Path, int]]]) -> Source:
    images = {split: [file for file, _ in items] for split, items in listed.items()}
    return Source(classes, images, {split: [label for _, label in items] for split, items in listed.items()})


def _batch(path: Path, key: str) -> tuple[np.ndarray, np.ndarray]:
    """(images (n, 3, 32, 32), labels (n,)) of one file of the Python version."""
    try:
        with open(path, "rb") as file:
            batch = _Unpickler(file, encoding="bytes").load()
        fields = {k.decode() if isinstance(k, bytes) else k: value for k, value in batch.items()}
        images = np.asarray(fields["data"], np.uint8).reshape(-1, 3, 32, 32)
        labels = np.asarray(fields[key], np.int64).reshape(len(images))
    except FileNotFoundError:
        raise UserError(f"{path} is missing: unpack the archive again") from None
    except Exception as error:  # a broken pickle may raise anything
        raise UserError(f"cannot read {path} ({error or type(error).__name__}): unpack the archive again") from None
    return images, labels


def _binary(path: Path, labels: int) -> tuple[np.ndarray, np.ndarray]:
    """The same of the binary version: records of `labels` label bytes, the last of which counts, and 3,072 pixels."""
    if not path.is_file():
        raise UserError(f"{path} is missing: unpack the archive again")
    size = labels + 3072
    if not path.stat().st_size or path.stat().st_size % size:
        raise UserError(f"{path} is truncated ({path.stat().st_size} bytes, records have {size}): unpack it again")
    records = np.fromfile(path, np.uint8).reshape(-1, size)
    return records[:, labels:].reshape(-1, 3, 32, 32), records[:, labels - 1].astype(np.int64)


def _cifar(parts: list[tuple[np.ndarray, np.ndarray]], classes: tuple[str, ...]) -> Source:
    """All parts but the last are for training: their first half is train, the other val, in the order of the files."""
    images = np.concatenate([i for i, _ in parts[:-1]]).transpose(0, 2, 3, 1)
    labels = np.concatenate([y for _, y in parts[:-1]])
    half = len(labels) // 2
    test, test_labels = parts[-1]
    return Source(
        classes,
        {"train": images[:half], "val": images[half:], "test": test.transpose(0, 2, 3, 1)},
        {"train": labels[:half], "val": labels[half:], "test": test_labels},
    )
