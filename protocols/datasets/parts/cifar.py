"""CIFAR in its two published versions, https://www.cs.toronto.edu/~kriz/cifar.html.

The Python version is made of pickles. They are read by an unpickler that refuses what is not part of an array; the
binary version holds the same images.
"""

from __future__ import annotations

import importlib
import pickle
from pathlib import Path
from typing import TYPE_CHECKING

from protocols.datasets.base import Dataset, RawData
from spaces.base import UserError

if TYPE_CHECKING:
    import numpy as np

    from protocols.datasets.base import LabelledImage

    Batch = tuple[np.ndarray, np.ndarray]
    """Images, uint8 (n, 3, 32, 32), and labels, int64 (n,), of one file."""

_ARRAY_PARTS = {  # all that a pickled dict of lists and numpy arrays refers to, under numpy's old and new module names
    ("multiarray", "_reconstruct"),
    ("multiarray", "scalar"),
    ("numeric", "_frombuffer"),
}


class Cifar(Dataset):
    """A subclass gives the names of folders and files, and how labels are stored."""

    inputs = 3
    flip = True
    licence = "none stated by its authors; for research"
    split = "first and last half of the training batches: 25,000 train, 25,000 val (as DARTS), 10,000 test"

    python: str  # folder of the Python version
    binary: str  # folder of the binary version
    batches: tuple[str, ...]  # files of either version; the last is the test set
    label_key: str  # of the Python version
    label_bytes: int  # in front of an image in the binary version; the last of them counts

    def files(self, root: Path) -> list[Path]:
        """Those of the version that is there; of the Python version where both or none are."""
        if (root / self.binary).exists() and not (root / self.python).exists():
            return [root / self.binary / f"{batch}.bin" for batch in self.batches]
        return [root / self.python / batch for batch in self.batches]

    def read(self, root: Path) -> RawData:
        """All files but the last are for training: their first half is train, the other val, in the order of the
        files. Classes are named by their number unless the subclass knows better."""
        import numpy as np

        *training, (test, test_labels) = [self._batch(path) for path in self.files(root)]
        images = np.concatenate([images for images, _ in training])
        labels = np.concatenate([labels for _, labels in training])
        half = len(labels) // 2
        return RawData(
            self.class_names(),
            train=_labelled(images[:half], labels[:half]),
            val=_labelled(images[half:], labels[half:]),
            test=_labelled(test, test_labels),
        )

    def class_names(self) -> tuple[str, ...]:
        return tuple(map(str, range(self.classes)))

    def _batch(self, path: Path) -> Batch:
        if path.suffix == ".bin":
            return binary_batch(path, self.label_bytes)
        return python_batch(path, self.label_key)


def python_batch(path: Path, label_key: str) -> Batch:
    """One file of the Python version; UserError where it is missing, broken or refers to anything but arrays."""
    import numpy as np

    try:
        with open(path, "rb") as file:
            batch = _Unpickler(file, encoding="bytes").load()
        fields = {key.decode() if isinstance(key, bytes) else key: value for key, value in batch.items()}
        images = np.asarray(fields["data"], np.uint8).reshape(-1, 3, 32, 32)
        labels = np.asarray(fields[label_key], np.int64).reshape(len(images))
    except Exception as error:  # a broken pickle may raise anything
        raise UserError(f"cannot read {path} ({error or type(error).__name__}): unpack the archive again") from None
    return images, labels


def binary_batch(path: Path, label_bytes: int) -> Batch:
    """One file of the binary version: records of `label_bytes`, the last of which counts, and 3,072 pixels.

    UserError where the size of the file is not a number of records.
    """
    import numpy as np

    size, record = path.stat().st_size, label_bytes + 3072
    if not size or size % record:
        raise UserError(f"{path} is truncated ({size} bytes, records have {record}): unpack the archive again")
    records = np.fromfile(path, np.uint8).reshape(-1, record)
    return records[:, label_bytes:].reshape(-1, 3, 32, 32), records[:, label_bytes - 1].astype(np.int64)


def _labelled(images: np.ndarray, labels: np.ndarray) -> list[LabelledImage]:
    return list(zip(images.transpose(0, 2, 3, 1), labels.tolist()))


class _Unpickler(pickle.Unpickler):
    """Builds numpy arrays and built-in values, and nothing else: a pickle that names anything more is refused."""

    def find_class(self, module: str, name: str) -> object:
        import numpy as np

        if (module, name) in (("numpy", "ndarray"), ("numpy", "dtype")):
            return getattr(np, name)
        if (module, name) == ("_codecs", "encode"):  # how Python 3 writes bytes in protocol 2
            return _latin1
        package, _, part = module.rpartition(".")
        if package in ("numpy.core", "numpy._core") and (part, name) in _ARRAY_PARTS:
            return getattr(importlib.import_module(f"numpy._core.{part}"), name)
        raise pickle.UnpicklingError(f"it refers to {module}.{name}, which no CIFAR batch does")


def _latin1(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it asks for the encoding {encoding}")
    return text.encode("latin1")
