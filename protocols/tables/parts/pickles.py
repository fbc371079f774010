"""Reads pickles that hold plain data and numpy's numbers, and nothing that can run."""

from __future__ import annotations

import bz2
import io
import pickle
from pathlib import Path
from typing import Any

from spaces.base import UserError

SAFE = {
    "builtins": {"bytearray", "complex", "dict", "float", "frozenset", "int", "list", "set", "str", "tuple"},
    "collections": {"OrderedDict", "defaultdict"},
    "numpy": {"dtype", "ndarray"},
    "numpy.core.multiarray": {"_reconstruct", "scalar"},
    "numpy._core.multiarray": {"_reconstruct", "scalar"},
}
OLD_NAMES = {"__builtin__": "builtins", "numpy.core.multiarray": "numpy._core.multiarray"}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        module = OLD_NAMES.get(module, module)
        if name not in SAFE.get(module, ()):
            raise pickle.UnpicklingError(f"it names {module}.{name}, and only plain data and numpy's numbers are read")
        return super().find_class(module, name)


def read(path: Path) -> Any:
    """The content of a pickle, also of one that bz2 has compressed. UserError where it is none, or names anything but
    Python's containers and numbers and numpy's."""
    content = path.read_bytes()
    try:
        if content[:3] == b"BZh":
            content = bz2.decompress(content)
        return _Reader(io.BytesIO(content)).load()
    except Exception as error:  # a broken pickle raises whatever its wreckage runs into
        raise UserError(f"{path} cannot be read as plain data: {' '.join(str(error).split())[:200]}") from None


def read_pth(path: Path) -> Any:
    """The content of a file of torch.save, under the same rule."""
    import numpy as np
    import torch
    from numpy._core import multiarray

    numbers: list[Any] = [np.dtype, np.ndarray, multiarray.scalar, multiarray._reconstruct]
    kinds = [type(np.dtype(kind)) for kind in ("f8", "f4", "i8", "i4", "bool")]
    try:
        with torch.serialization.safe_globals([*numbers, *kinds]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # as above
        raise UserError(f"{path} cannot be read as plain data: {' '.join(str(error).split())[:200]}") from None
