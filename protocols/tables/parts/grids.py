"""A table's rows as one column for each dataset, fidelity and run: what lookups read."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spaces.base import UserError

if TYPE_CHECKING:
    import numpy as np

METRICS = ("validation", "test", "seconds")
ENOUGH = 3  # architectures whose validation equals their test accuracy in every digit: no longer by chance
AXES = ("arch", "dataset", "seed", "epochs")

Columns = dict[str, list[float]]
"""By metric, one value for each architecture; nan is a gap."""


@dataclass
class Grids:
    """Plain lists: reading one of their items is faster than one of an array's."""

    archs: tuple[str, ...]  # in the order of the rows
    datasets: tuple[str, ...]  # sorted
    means: dict[tuple[str, int], Columns] = field(default_factory=dict)  # by dataset and epochs
    of_seed: dict[tuple[str, int, int], Columns] = field(default_factory=dict)  # by dataset, epochs and seed
    costs: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)  # by dataset, then by column
    _fidelities: dict[tuple[str, str], tuple[int, ...]] = field(default_factory=dict)
    _runs: dict[tuple[str, int, str], dict[int, list[float]]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Grids:
        """UserError where the file is no Parquet file or lacks a column."""
        import pyarrow
        from pyarrow import parquet

        try:
            rows = parquet.ParquetFile(path).read()
        except (OSError, pyarrow.ArrowException) as error:
            raise UserError(f"{path} cannot be read as Parquet: {' '.join(str(error).split())}") from None
        for name in (*AXES, *METRICS):
            if name not in rows.column_names:
                raise UserError(f"{path} has no column {name!r}: import the table again")
        return cls.of(rows)

    @classmethod
    def of(cls, rows: Any) -> Grids:
        """rows: a pyarrow table."""
        import numpy as np

        archs, index = _coded(rows["arch"])
        names, dataset = _coded(rows["dataset"])
        epochs, seed = _numbers(rows["epochs"]), _numbers(rows["seed"])  # nan where a row is a mean
        columns = {name: _numbers(rows[name]) for name in rows.column_names if name not in AXES}
        grids = cls(tuple(archs), tuple(sorted(names)))
        for number, name in enumerate(names):
            of_dataset = dataset == number
            grids.costs[name] = {
                cost: _spread(index[of_dataset], values[of_dataset], len(archs))
                for cost, values in columns.items()
                if cost not in METRICS
            }
            for length in np.unique(epochs[of_dataset]):
                here = of_dataset & (epochs == length)
                grids._add(name, int(length), index[here], seed[here], {m: columns[m][here] for m in METRICS})
        return grids

    def _add(self, dataset: str, epochs: int, index: Any, seed: Any, columns: dict[str, Any]) -> None:
        import numpy as np

        n, runs = len(self.archs), []
        for number in np.unique(seed[~np.isnan(seed)]):
            mine = seed == number
            runs.append({name: _spread(index[mine], values[mine], n) for name, values in columns.items()})
            self.of_seed[dataset, epochs, int(number)] = {name: values.tolist() for name, values in runs[-1].items()}
        given = np.isnan(seed)
        self.means[dataset, epochs] = {
            name: _mean(_spread(index[given], values[given], n), [run[name] for run in runs]).tolist()
            for name, values in columns.items()
        }

    def fidelities(self, dataset: str, metric: str) -> tuple[int, ...]:
        """The epochs at which any architecture has a value; ascending."""
        if (dataset, metric) not in self._fidelities:
            found = (epochs for name, epochs in self.means if name == dataset)
            self._fidelities[dataset, metric] = tuple(
                sorted(e for e in found if any(v == v for v in self.means[dataset, e][metric]))
            )
        return self._fidelities[dataset, metric]

    def runs(self, dataset: str, epochs: int, metric: str) -> dict[int, list[float]]:
        """By seed, ascending: one value for each architecture."""
        key = (dataset, epochs, metric)
        if key not in self._runs:
            self._runs[key] = {
                seed: columns[metric]
                for (name, length, seed), columns in self.of_seed.items()
                if (name, length) == (dataset, epochs) and any(v == v for v in columns[metric])
            }
        return self._runs[key]

    def refuse_equal_columns(self, where: str) -> None:
        """UserError where a dataset's validation accuracies are test accuracies: equal, wherever both are there, to the
        mean or to one run of any fidelity."""
        import numpy as np

        for dataset in self.datasets:
            tests = list(self._columns(dataset, "test"))
            for validation in self._columns(dataset, "validation"):
                for test in tests:
                    both = ~np.isnan(validation) & ~np.isnan(test)
                    if both.sum() >= min(ENOUGH, len(self.archs)) and np.allclose(
                        validation[both], test[both], rtol=0, atol=1e-9
                    ):
                        raise UserError(
                            f"{where}: the validation accuracies of dataset {dataset} are its test accuracies, in all "
                            f"{both.sum():,} rows that have both: name a true validation column, or leave it out and "
                            "pass --validation test"
                        )

    def _columns(self, dataset: str, metric: str) -> Iterator[np.ndarray]:
        import numpy as np

        for key, columns in [*self.means.items(), *self.of_seed.items()]:
            if key[0] == dataset:
                yield np.array(columns[metric])


def _coded(column: Any) -> tuple[list[str], Any]:
    """The different texts of a column, in the order in which they come, and the number of each row's text."""
    import numpy as np

    coded = column.combine_chunks().dictionary_encode()
    return coded.dictionary.to_pylist(), np.from_dlpack(coded.indices)


def _numbers(column: Any) -> np.ndarray:
    """As floats. (pyarrow's own `to_numpy` and `fill_null` would load pandas, which takes a second.)"""
    import numpy as np

    if column.null_count:
        return np.array([math.nan if value is None else value for value in column.to_pylist()], float)
    return np.from_dlpack(column.cast("float64").combine_chunks())


def _spread(index: Any, values: Any, n: int) -> np.ndarray:
    """Values by architecture; nan where there is none."""
    import numpy as np

    result, there = np.full(n, np.nan), ~np.isnan(values)
    result[index[there]] = values[there]
    return result


def _mean(given: np.ndarray, runs: list[np.ndarray]) -> np.ndarray:
    """The given mean, else the mean over runs, each without gaps."""
    import numpy as np

    if not runs:
        return given
    stack = np.array(runs)
    there = ~np.isnan(stack)
    count = there.sum(0)
    mean = np.where(count, np.where(there, stack, 0).sum(0) / np.maximum(count, 1), np.nan)
    return np.where(np.isnan(given), mean, given)
