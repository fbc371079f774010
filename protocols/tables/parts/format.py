"""What a source format is: a file in protocols/tables/ that holds one class of the file's name in CamelCase."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Imported:
    """What a source says. `rows` has the columns of `table.parquet` (`protocols/tables/base.py`), of which seed,
    validation, test and seconds may be missing; accuracies are fractions."""

    space: str  # a name, or file:space.yaml where that is among `files`
    rows: pd.DataFrame
    units: Mapping[str, str] = field(default_factory=dict)  # of the costs
    notes: Sequence[str] = ()  # what a reader of the numbers has to know
    citation: str = ""
    classes: bool = False  # the rows have one architecture of each class of equal ones
    read: Sequence[Path] = ()  # what else was read, named by the sources
    files: Mapping[str, bytes] = field(default_factory=dict)  # to be written beside the table, such as its space


class Format(ABC):
    """Reads the sources of one kind."""

    wanted: str
    """What the sources are, for a message: "one file X and perhaps Y"."""

    def locate(self, name: str) -> Path | None:
        """Where the source of a name is that is no path, such as an installed package. UserError where it should be
        there and is not."""
        return None

    @abstractmethod
    def recognises(self, sources: Sequence[Path]) -> bool:
        """Whether these files or folders look like sources of this kind. Reads at most their first lines."""

    @abstractmethod
    def read(self, sources: Sequence[Path]) -> Imported:
        """UserError where a source is not what its format says. Test accuracies never become `validation`."""
