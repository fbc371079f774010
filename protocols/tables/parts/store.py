"""Writes the folder of a table, whole or not at all. The same rows give the same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from protocols.tables.base import FACTS, OWN, ROWS
from protocols.tables.parts.format import Imported
from protocols.tables.parts.grids import Grids
from spaces.base import UserError

if TYPE_CHECKING:
    import pandas as pd

TEXTS = ("arch", "dataset")
UNITS = {"seconds": "s"}


def write(
    folder: Path, rows: pd.DataFrame, found: Imported, validation: str, sources: Mapping[str, str], where: str
) -> None:
    """rows: as `checked` gives them. sources: SHA-256 by name. UserError where `folder` holds something else than a
    table, which would be lost, and where validation accuracies are test accuracies."""
    import pyarrow
    from pyarrow import parquet

    columns = {str(name): rows[name] for name in rows}
    texts = {
        name: pyarrow.array(column.tolist(), pyarrow.string()) for name, column in columns.items() if name in TEXTS
    }
    numbers = {name: pyarrow.array(column.to_numpy()) for name, column in columns.items() if name not in TEXTS}
    table = pyarrow.table({name: (texts | numbers)[name] for name in columns})  # gaps are nan, not null: read at once
    if validation == OWN:
        Grids.of(table).refuse_equal_columns(where)
    if folder.exists() and not (folder / FACTS).is_file():
        raise UserError(f"{folder} exists and is no table: name another folder")
    temporary = folder.parent / f".{folder.name}.{os.getpid()}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        parquet.write_table(table, temporary / ROWS, compression="zstd")
        for name, content in found.files.items():
            (temporary / name).write_bytes(content)
        facts = {
            "space": found.space,
            "validation": validation,
            "classes": found.classes,
            "rows": len(rows),
            "sources": dict(sources),
            "units": UNITS | dict(found.units),
            "notes": list(found.notes),
            "citation": found.citation,
            "sha256": hashlib.sha256((temporary / ROWS).read_bytes()).hexdigest(),
        }
        (temporary / FACTS).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
