"""What the report shows and in which order: every table and figure, read from the folders that hold them.

A table NAME is the file tables/NAME.py, with two functions,

    numbers(analysis: Analysis) -> DataFrame          what its CSV holds
    layout(analysis: Analysis, origin: str) -> Table  what readers see; `origin` ends its caption

a figure NAME is the file figures/NAME.py, with

    data(analysis: Analysis) -> DataFrame             what its CSV holds
    draw(data: DataFrame, colours: Colours) -> Figure

and beside each is NAME.rst, which explains it to readers. Its head, comments that no reader sees, says where the report
shows it (heading.number), under which title, and what it needs. This file imports nothing heavy: planning reads it too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

from harness.plan import titles

HERE = Path(__file__).parent
CAPTIONS = HERE / "captions"
"""Texts about the report as a whole."""
FOLDERS = ("tables", "figures")
HEADINGS = (
    "Better than random?",
    "Among random architectures",
    "Ablations",
    "Cost and gain",
    "Search curves",
    "Found architectures",
    "Across datasets",
    "Protocol and versions",
    "Run times, all accuracies",
)
SPACE = "{space}"
"""In the title of a figure: it is drawn once per space."""


@dataclass(frozen=True, order=True)
class Entry:
    """A table or a figure. `place`: numbers of its heading and below it; `folder`: "tables" or "figures"; `needs`: what
    results must hold for it to have content."""

    place: tuple[int, int]
    folder: str
    name: str
    title: str
    needs: str

    @property
    def text(self) -> Path:
        return HERE / self.folder / f"{self.name}.rst"

    @property
    def per_space(self) -> bool:
        return SPACE in self.title

    def module(self) -> ModuleType:
        return import_module(f"harness.report.{self.folder}.{self.name}")

    def files(self, spaces: Iterable[str]) -> dict[str, str]:
        """Title -> file, below the folder of results and without suffix. A space has its name for readers, where no
        other one is called so."""
        if not self.per_space:
            return {self.title: f"{self.folder}/{self.name}"}
        shown = Counter(map(titles.space, spaces := list(spaces)))
        names = {space: titles.space(space) if shown[titles.space(space)] == 1 else space for space in spaces}
        return {
            self.title.replace(SPACE, name): f"{self.folder}/{self.of_space(space)}" for space, name in names.items()
        }

    def of_space(self, space: str) -> str:
        """The name of the file of one space; a space of other people's results may have any name."""
        return f"{self.name}_{re.sub(r'[^A-Za-z0-9_.-]+', '-', space)}"

    def holds(self, file: str) -> bool:
        own = f"{self.folder}/{self.name}"
        return file.startswith(f"{own}_") if self.per_space else file == own


@cache
def entries(*folders: str) -> tuple[Entry, ...]:
    """The tables and figures, or those of one folder, in the order of the report."""
    return tuple(sorted(_entry(text) for folder in folders or FOLDERS for text in (HERE / folder).glob("*.rst")))


def _entry(text: Path) -> Entry:
    head = dict(re.findall(r"^{# (\w+): (.+) #}$", text.read_text(encoding="utf-8"), re.MULTILINE))
    heading, number = map(int, head["place"].split("."))
    return Entry((heading, number), text.parent.name, text.stem, head["title"], head["needs"])


def contents(spaces: Iterable[str]) -> dict[str, dict[str, str]]:
    """Heading -> title -> file, of the report of a benchmark that searches these spaces."""
    shown: dict[str, dict[str, str]] = {f"{i} {heading}": {} for i, heading in enumerate(HEADINGS, 1)}
    headings, named = list(shown), sorted(set(spaces))
    for entry in entries():
        shown[headings[entry.place[0] - 1]] |= entry.files(named)
    return shown


def entry_of(file: str) -> Entry:
    """The table or figure that a file of `contents` belongs to."""
    return next(entry for entry in entries() if entry.holds(file))


def caption(file: str) -> Path:
    """The text that explains a file of `contents` to readers; the figures of all spaces share one."""
    return entry_of(file).text
