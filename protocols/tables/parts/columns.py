"""Reading tables of text or Parquet, and telling columns apart by their names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spaces.base import UserError

if TYPE_CHECKING:
    import pandas as pd

DATASETS = {"c10": "cifar10", "c100": "cifar100", "in16": "imagenet16_120"}
"""As columns abbreviate them, and as tables name them."""
PACKED = ("", ".xz", ".gz", ".bz2", ".zst")
TEXTS = {f"{kind}{packed}": mark for kind, mark in ((".csv", ","), (".tsv", "\t")) for packed in PACKED}
"""Endings of names, and what stands between two columns."""
IS_TEST = re.compile(r"(^|_)is_\w*test")
"""Names of columns that hold test accuracies which a public suite calls validation."""


def is_table(path: Path) -> bool:
    """Whether the file's name is that of a CSV, also a compressed one, or of Parquet."""
    return path.is_file() and path.name.endswith((*TEXTS, ".parquet"))


def _mark(path: Path) -> str:
    """What stands between two columns of a file of text."""
    return next((mark for ending, mark in TEXTS.items() if path.name.endswith(ending)), ",")


def header(path: Path) -> tuple[str, ...]:
    """The names of the columns; none where the file is no such table."""
    import pandas as pd
    from pyarrow import parquet

    if not is_table(path):
        return ()
    try:
        if path.suffix == ".parquet":
            return tuple(parquet.read_schema(path).names)
        return tuple(map(str, pd.read_csv(path, nrows=0, sep=_mark(path)).columns))
    except Exception:  # decompressors and parsers raise a dozen types: then it is no such table
        return ()


def read(path: Path, texts: Sequence[str] = ()) -> pd.DataFrame:
    """A CSV, which may be compressed, or a Parquet file. texts: columns that are texts even where they look like
    numbers. UserError where the file cannot be read."""
    import pandas as pd

    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        return pd.read_csv(path, sep=_mark(path), dtype=dict.fromkeys(texts, "string"))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    except Exception as error:  # as above
        raise UserError(f"{path} cannot be read as a table: {' '.join(str(error).split())[:200]}") from None


def need(frame: pd.DataFrame, names: Sequence[str], path: Path) -> None:
    """UserError where a column is missing."""
    for name in names:
        if name not in frame:
            raise UserError(f"{path} has no column {name!r}: it has {', '.join(map(str, list(frame)[:20]))}")


def part(arch: Any, dataset: str, epochs: Any, **columns: Any) -> pd.DataFrame:
    """Rows of one dataset and fidelity. `seed` and costs are among the columns."""
    import pandas as pd

    fixed: Mapping[str, Any] = {"dataset": dataset, "epochs": epochs}
    return pd.DataFrame({"arch": arch, **columns}).assign(**fixed)
