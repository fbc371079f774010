"""The checks that every table passes before it is written, whatever its source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import spaces
from protocols.tables.parts.grids import AXES, METRICS
from spaces.base import UserError

if TYPE_CHECKING:
    import pandas as pd

COUNTS = ("parameters", "macs")
"""Costs that records have too, as whole numbers."""


def complete(rows: pd.DataFrame, where: str) -> None:
    """UserError where a row lacks an axis, which only the seed may be."""
    for name in ("arch", "dataset", "epochs"):
        if rows[name].isna().any():
            raise UserError(f"{where}: row {_first(rows[name].isna())} has no {name}")


def checked(given: pd.DataFrame, space: str, where: str) -> pd.DataFrame:
    """The rows in canonical form: texts as the space writes them, all columns, sorted. UserError for an architecture
    that is none, an accuracy outside 0 to 1, and two rows for the same run."""
    rows = given.copy()
    for name in ("seed", *METRICS):
        if name not in rows:
            rows[name] = float("nan")
    rows["arch"] = _texts(rows["arch"], space, where)
    rows["dataset"] = rows["dataset"].astype(str)
    _whole_numbers(rows, where)
    costs = [name for name in rows if name not in (*AXES, *METRICS)]
    for name in (*METRICS, *costs):
        _numbers(rows, str(name), where)
    rows = rows.dropna(subset=[*METRICS, *costs], how="all")
    twice = rows.duplicated(list(AXES))
    if twice.any():
        one = rows[twice].iloc[0]
        run = "without a seed" if one.seed != one.seed else f"of seed {one.seed:.0f}"
        raise UserError(f"{where}: two rows {run} for {one.arch} on {one.dataset} after {one.epochs} epochs: keep one")
    number = dict(zip(rows["arch"].unique(), range(len(rows))))  # architectures stay in the order of the source
    ordered = rows.sort_values(
        list(AXES),
        kind="stable",
        na_position="first",
        ignore_index=True,
        key=lambda column: column.map(number) if column.name == "arch" else column,
    )
    return ordered[[*AXES, *METRICS, *sorted(map(str, costs))]]


def _texts(archs: pd.Series, name: str, where: str) -> pd.Series:
    space = spaces.space(name)
    canonical = {}
    for text in archs.unique():
        try:
            canonical[text] = space.text(space.parse(str(text)))
        except UserError as error:
            raise UserError(f"{where}: row {_first(archs == text)}, architecture {text!r}: {error}") from None
    return archs.map(canonical)


def _whole_numbers(rows: pd.DataFrame, where: str) -> None:
    import pandas as pd

    for name in ("seed", "epochs"):
        numbers = pd.to_numeric(rows[name], errors="coerce").astype(float)
        bad = (rows[name].notna() & numbers.isna()) | (numbers.notna() & ((numbers % 1 != 0) | (numbers < 0)))
        if name == "epochs":
            bad |= numbers == 0
        if bad.any():
            raise UserError(
                f"{where}: row {_first(bad)} has {name} {_value(rows[name], bad)}: a whole number is needed"
            )
        rows[name] = numbers.astype("int64") if name == "epochs" else numbers


def _numbers(rows: pd.DataFrame, name: str, where: str) -> None:
    import numpy as np
    import pandas as pd

    numbers = pd.to_numeric(rows[name], errors="coerce").astype(float)
    bad = (rows[name].notna() & numbers.isna()) | np.isinf(numbers)
    if bad.any():
        raise UserError(f"{where}: row {_first(bad)} has {name} {_value(rows[name], bad)}: a finite number is needed")
    if name == "seconds" and (numbers < 0).any():
        raise UserError(f"{where}: row {_first(numbers < 0)} has {numbers.min()} seconds")
    if name in COUNTS and (numbers % 1 > 0).any():
        raise UserError(f"{where}: row {_first(numbers % 1 > 0)} has {name} that are no whole number: give counts")
    if name in ("validation", "test"):
        bad = (numbers < 0) | (numbers > 1)
        if bad.any():
            value = f"{name} accuracy {numbers[bad].iloc[0]:g}"
            raise UserError(f"{where}: row {_first(bad)} has {value}, outside 0 to 1: is it in per cent?")
    rows[name] = numbers


def _value(column: pd.Series, flags: pd.Series) -> str:
    """The first flagged value, in quotes where it is text."""
    value = column[flags].iloc[0]
    return repr(value) if isinstance(value, str) else f"{value}"


def _first(flags: pd.Series) -> int:
    """Number of the first row that is flagged, counted from 1."""
    return int(flags.to_numpy().argmax()) + 1
