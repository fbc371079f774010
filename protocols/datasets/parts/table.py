"""`table:FOLDER#NAME`: a dataset of a table of trained architectures, as `python -m harness table import` writes it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from protocols.datasets.base import Dataset, RawData
from protocols.datasets.parts.prepared import SCHEMA, file_digest, identity
from protocols.datasets.parts.store import replaced
from protocols.tables.base import Table
from spaces.base import UserError

PREFIX = "table:"


class TableDataset(Dataset):
    """It has no images: its preparation is a copy of the table, which searches and lookups then read."""

    classes = inputs = 0
    flip = False
    source = "table of trained architectures"
    licence = "that of the table"
    split = "that of the table"

    def __init__(self, name: str) -> None:
        """UserError where the name has no FOLDER or no NAME."""
        folder, mark, self.column = name.removeprefix(PREFIX).rpartition("#")
        if not (folder and mark and self.column):
            raise UserError(f"dataset {name!r} must name a folder and a dataset of its table: table:FOLDER#NAME")
        self.folder = Path(folder).expanduser()
        super().__init__(name)

    def check(self, root: Path) -> None:
        """UserError where the folder is no table, was changed, or has no such dataset."""
        Table.read(self.folder).fidelities(self.column)

    def read(self, root: Path) -> RawData:
        raise UserError(f"dataset {self.name} has no images")

    def write(self, image: int, out: Path) -> None:
        """Writes the folder that `protocols.datasets.manifest` and `Table.read` know."""
        with replaced(out) as folder:
            for file in sorted(self.folder.iterdir()):
                shutil.copyfile(file, folder / file.name)
            facts = {
                **{key: getattr(self, key) for key in ("name", "source", "licence", "split", "inputs", "flip")},
                **{"schema": SCHEMA, "image": image, "classes": [], "counts": {}, "mean": [], "std": []},
                "files": {file.name: file_digest(file) for file in sorted(folder.iterdir())},
            }
            manifest = json.dumps({**facts, "sha256": identity(facts)}, indent=1)
            (folder / "manifest.json").write_text(f"{manifest}\n", encoding="utf-8")
