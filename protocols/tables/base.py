"""A table of trained architectures: accuracies and costs that are looked up instead of measured.

On disk a table is a folder with two files. `table.parquet` has one row for each architecture,
dataset, run and fidelity:

    arch        canonical text of the architecture in its space
    dataset     name
    seed        seed or number of the run; empty where the row is a mean that the source gives
    epochs      the fidelity: the length of the training, with a learning rate that falls to its end within it
    validation  accuracy on images that were not trained on and are not the test images, 0 to 1; or empty
    test        accuracy on the test images, 0 to 1; or empty
    seconds     of the training that `validation` belongs to; or empty
    …           any further column is a cost of the architecture on the dataset, such as latency_edgegpu

`table.json` names the space, the sources with their SHA-256, the units, what to cite, and whether `validation` is
"own" or "test": some sources have no validation accuracy, and then `Table.validation` answers with test accuracy. The
two never share a column, and every caption has to repeat `Table.warning`.

A file in protocols/tables/ is a source format (`parts/format.py` says what it must offer); `parts/importing.py` turns
sources into a table. Reading a table needs pyarrow and numpy, imported inside functions.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import spaces
from protocols.tables.parts.grids import Grids
from spaces.base import UserError
from spaces.parts.declared import PREFIX

if TYPE_CHECKING:
    import numpy as np

    from spaces.base import Space

__all__ = ["Answer", "Table"]

ROWS, FACTS = "table.parquet", "table.json"
OWN, TEST = "own", "test"


class Answer(NamedTuple):
    """What one evaluation gives."""

    accuracy: float  # 0 to 1
    seconds: float | None  # of the training; None where the table does not say


class Table:
    """Lookups by the architecture's canonical text; each takes about a microsecond.

    A mean over runs is the mean that the source gives, where it gives one, else that of the table's own runs.
    """

    def __init__(self, folder: Path, facts: dict[str, Any], grids: Grids) -> None:
        """facts: the content of table.json."""
        self.name, self.facts = folder.name, facts
        self.space: str = facts["space"]  # a name, or file:PATH
        if self.space.startswith(PREFIX):  # the file lies beside the table
            self.space = f"{PREFIX}{folder / self.space.removeprefix(PREFIX)}"
        self.archs = grids.archs
        self.datasets = grids.datasets
        self._grids = grids
        self._index = {arch: i for i, arch in enumerate(grids.archs)}
        self._classes: dict[str, int] = {}
        self._chosen_by = "test" if facts["validation"] == TEST else "validation"

    @classmethod
    def read(cls, folder: Path) -> Table:
        """The table in a folder. UserError where a file is missing, was changed since it was written, or says
        something that a table cannot say."""
        folder = Path(folder)
        facts = _facts(folder)
        rows = folder / ROWS
        if not rows.is_file():
            raise UserError(f"table {folder} has no {ROWS}: import it again with python -m harness table import")
        if hashlib.sha256(rows.read_bytes()).hexdigest() != facts["sha256"]:
            raise UserError(f"{rows} was changed after it was written: import it again, or take the original")
        table = cls(folder, facts, Grids.read(rows))
        if facts["validation"] == OWN:
            table._grids.refuse_equal_columns(str(folder))
        return table

    @property
    def sha256(self) -> str:
        """Of rows and facts: what a record's fingerprint needs."""
        return hashlib.sha256(json.dumps(self.facts, sort_keys=True).encode()).hexdigest()

    @property
    def warning(self) -> str:
        """What a caption has to say; empty where the table has validation accuracies of its own."""
        return "" if self.facts["validation"] == OWN else f"Validation accuracies of table {self.name} are test values."

    def fidelities(self, dataset: str, metric: str = "validation") -> tuple[int, ...]:
        """The epochs for which there is a validation accuracy, or with metric="test" a test accuracy; ascending."""
        self._known(dataset)
        return self._grids.fidelities(dataset, self._column(metric))

    def seeds(self, arch: str, dataset: str, epochs: int | None = None) -> tuple[int, ...]:
        """The runs of an architecture that have a validation accuracy; none where the source gives only their mean."""
        epochs = self._epochs(dataset, epochs, "validation")
        index, runs = self._find(arch), self._grids.runs(dataset, epochs, self._chosen_by)
        return tuple(seed for seed, values in runs.items() if not math.isnan(values[index]))

    def validation(self, arch: str, dataset: str, epochs: int | None = None, seed: int | None = None) -> Answer:
        """The validation accuracy of one run, or without `seed` the mean over runs. epochs: one of `fidelities`, or
        None for the highest. UserError where the table has no such value."""
        if epochs is None:
            epochs = self._epochs(dataset, None, "validation")
        try:
            index, column = self._index[arch], self._grids.means[dataset, epochs]
            if seed is not None:
                column = self._grids.of_seed[dataset, epochs, seed]
            accuracy, seconds = column[self._chosen_by][index], column["seconds"][index]
        except KeyError:
            return self._slow_validation(arch, dataset, epochs, seed)
        if accuracy != accuracy:
            raise self._gap(arch, dataset, epochs, seed)
        return Answer(accuracy, None if seconds != seconds else seconds)

    def test(self, arch: str, dataset: str, epochs: int | None = None, run: int | None = None) -> float:
        """The test accuracy, mean over runs, or that of the run of a number, counted from 0 among those that the
        architecture has. epochs: None for the highest fidelity. UserError where the table has none."""
        epochs = self._epochs(dataset, epochs, "test")
        index, values = self._find(arch), self._grids.means[dataset, epochs]["test"]
        if run is not None:
            runs = self._grids.runs(dataset, epochs, "test").values()
            there = [column for column in runs if not math.isnan(column[index])]
            values = there[run] if run < len(there) else [math.nan] * len(self.archs)
        if math.isnan(values[index]):
            raise self._gap(arch, dataset, epochs, run, "test")
        return values[index]

    def costs(self, arch: str, dataset: str) -> dict[str, float]:
        """The further costs that the table knows of an architecture, by column; `facts["units"]` has their units."""
        self._known(dataset)
        index = self._find(arch)
        found = {name: float(values[index]) for name, values in self._grids.costs[dataset].items()}
        return {name: value for name, value in found.items() if not math.isnan(value)}

    def cost_columns(self, dataset: str) -> dict[str, np.ndarray]:
        """The further costs of all architectures, in the order of `archs`; nan is a gap."""
        self._known(dataset)
        return self._grids.costs[dataset]

    def optimum(self, dataset: str) -> tuple[str, float]:
        """The architecture with the highest test accuracy at the highest fidelity, and that accuracy; the first of
        the table's rows where several share it."""
        import numpy as np

        values = self.values(dataset, "test")
        best = int(np.nanargmax(values))
        return self.archs[best], float(values[best])

    def values(self, dataset: str, metric: str = "validation", epochs: int | None = None) -> np.ndarray:
        """Mean over runs of all architectures, in the order of `archs`; nan is a gap. Metric: "validation", "test" or
        "seconds" (that of the highest fidelity, where `epochs` is None)."""
        import numpy as np

        column = self._column(metric)
        epochs = self._epochs(dataset, epochs, "validation" if metric == "seconds" else metric)
        return np.array(self._grids.means[dataset, epochs][column])

    def runs(self, dataset: str, metric: str = "validation", epochs: int | None = None) -> dict[int, list[float]]:
        """The single runs of all architectures, by seed, in the order of `archs`; nan is a gap."""
        return self._grids.runs(dataset, self._epochs(dataset, epochs, metric), self._column(metric))

    def drawn(self) -> list[int]:
        """The places in `archs` of what uniform draws from the space give: each once, or in a table of classes as often
        as the space has architectures of its class."""
        if not self.facts["classes"]:
            return list(range(len(self.archs)))
        space = self._space()
        every = filter(space.valid, itertools.product(*map(range, space.choices)))
        rows = (self._row(space.text(arch)) for arch in every)
        return [row for row in rows if row is not None]

    def _column(self, metric: str) -> str:
        return self._chosen_by if metric == "validation" else metric

    def _known(self, dataset: str) -> None:
        if dataset not in self.datasets:
            raise UserError(f"table {self.name} has no dataset {dataset!r}: it has {', '.join(self.datasets)}")

    def _epochs(self, dataset: str, epochs: int | None, metric: str) -> int:
        self._known(dataset)
        found = self._grids.fidelities(dataset, self._column(metric))
        if not found:
            raise UserError(f"table {self.name} has no {metric} accuracy on {dataset}")
        if epochs is None:
            return found[-1]
        if epochs not in found:
            known = ", ".join(map(str, found))
            raise UserError(
                f"table {self.name} has no {metric} accuracy on {dataset} after {epochs} epochs: it has {known}"
            )
        return epochs

    def _row(self, arch: str) -> int | None:
        """The row of an architecture, or of one that is the same network where the table has one of each class."""
        found = self._index.get(arch)
        if found is None and self.facts["classes"]:
            space = self._space()
            if not self._classes:
                self._classes = {space.isomorphism(space.parse(text)): i for text, i in self._index.items()}
            found = self._classes.get(space.isomorphism(space.parse(arch)))
            if found is not None:
                self._index[arch] = found
        return found

    def _find(self, arch: str) -> int:
        if (found := self._row(arch)) is None:
            raise UserError(
                f"architecture {arch} is not in table {self.name}, which has {len(self.archs):,} of {self.space}"
            )
        return found

    def _space(self) -> Space:
        return spaces.space(self.space)

    def _slow_validation(self, arch: str, dataset: str, epochs: int, seed: int | None) -> Answer:
        """The first question about an equal architecture, or the error that says what is wrong."""
        epochs = self._epochs(dataset, epochs, "validation")
        self._find(arch)
        if seed is not None and (dataset, epochs, seed) not in self._grids.of_seed:
            raise self._gap(arch, dataset, epochs, seed)
        return self.validation(arch, dataset, epochs, seed)

    def _gap(self, arch: str, dataset: str, epochs: int, seed: int | None, metric: str = "validation") -> UserError:
        self._epochs(dataset, epochs, metric)  # says which there are, where the table has none of this fidelity
        run = "" if seed is None else f", run {seed}"
        return UserError(
            f"table {self.name} has no {metric} accuracy of {arch} on {dataset} after {epochs} epochs{run}"
        )


def _facts(folder: Path) -> dict[str, Any]:
    path = folder / FACTS
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"{path}: {error.strerror}: name a folder that python -m harness table import has made"
        ) from None
    except ValueError as error:
        raise UserError(f"{path} is not JSON: {error}") from None
    wanted = {"space": str, "validation": str, "classes": bool, "sha256": str}
    for key, kind in wanted.items():
        if not isinstance(facts, dict) or not isinstance(facts.get(key), kind):
            raise UserError(f"{path} does not say {key!r}: import the table again")
    if facts["validation"] not in (OWN, TEST):
        raise UserError(f'{path}: validation is {facts["validation"]!r}, it must be "{OWN}" or "{TEST}"')
    return facts
