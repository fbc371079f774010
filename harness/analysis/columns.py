"""The columns that say what a row of a data frame belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

BASELINE = ["dataset", "space"]
"""Runs that agree in these are compared with the same random architectures."""
GROUP = [*BASELINE, "method"]
"""Runs that agree in these differ in their seed alone."""
RUN = [*GROUP, "seed"]


def by_group(frame: pd.DataFrame) -> dict[tuple[str, str, str], pd.DataFrame]:
    """The rows of each (dataset, space, method), sorted by these names."""
    return dict(iter(frame.groupby(GROUP, sort=True)))


def by_column(rows: Iterable[Mapping[str, Any]], columns: list[str]) -> pd.DataFrame:
    """A frame of rows that are made one after another, what they lack is None. Of millions, a list of dicts would take
    a gigabyte."""
    values: dict[str, list[Any]] = {name: [] for name in columns}
    for row in rows:
        for name, column in values.items():
            column.append(row.get(name))
    return pd.DataFrame(values, columns=columns)
