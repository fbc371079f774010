"""What a YAML file says of a table in a CSV or Parquet file: `protocols/tables/declared.py` shows one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from spaces.base import UserError
from spaces.parts.declared import load

if TYPE_CHECKING:
    import pandas as pd

UNITS = ("percent", "fraction", "percent_error", "fraction_error")
AXES = {"dataset": "(?P<dataset>.+?)", "seed": r"(?P<seed>\d+)", "epochs": r"(?P<epochs>\d+)"}
Count = Annotated[int, Field(strict=True, ge=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Columns(_Strict):
    """The columns that hold the axes."""

    arch: str | dict[str, str]
    dataset: str | None = None
    seed: str | None = None
    epochs: str | None = None


class Fixed(_Strict):
    """Values of axes that have no column."""

    dataset: str | None = None
    seed: Count | None = None
    epochs: Count | None = None


class Metric(Fixed):
    """A column with a metric; its axes come before those of the whole file."""

    column: str  # may have {dataset}, {seed} and {epochs} in it
    unit: str = ""

    def fitting(self, header: Sequence[str]) -> list[Metric]:
        """The columns that the name stands for: itself, where no axis is in it."""
        try:
            parts = [(text, axis) for text, axis, _, _ in Formatter().parse(self.column)]
            pattern = "".join(re.escape(text) + (AXES[axis] if axis is not None else "") for text, axis in parts)
        except (ValueError, KeyError):
            raise UserError(f"column {self.column!r}: only {', '.join(AXES)} may stand in braces") from None
        if not any(axis for _, axis in parts):
            return [self]
        found = [(name, match.groupdict()) for name in header if (match := re.fullmatch(pattern, name))]
        if not found:
            raise UserError(f"no column is like {self.column!r}: there are {', '.join(header[:20])}")
        return [
            self.model_copy(update={"column": name, **{a: v if a == "dataset" else int(v) for a, v in axes.items()}})
            for name, axes in found
        ]


class Description(_Strict):
    """The file, key by key."""

    space: str
    file: str = ""
    unit: Literal["percent", "fraction", "percent_error", "fraction_error"] = "fraction"  # of accuracies; as UNITS
    columns: Columns
    fixed: Fixed = Fixed()
    metrics: dict[str, list[Metric]] = Field(min_length=1)
    citation: str = ""
    notes: list[str] = []
    classes: bool = False  # the table has one architecture of each class of equal ones

    @field_validator("metrics", mode="before")
    @classmethod
    def _listed(cls, metrics: Any) -> Any:
        """A column's name, one mapping, or a list of them, all as a list."""
        if not isinstance(metrics, Mapping):
            return metrics
        lists = {name: found if isinstance(found, list) else [found] for name, found in metrics.items()}
        return {
            name: [{"column": one} if isinstance(one, str) else one for one in found] for name, found in lists.items()
        }

    def arch_columns(self) -> list[str]:
        return [self.columns.arch] if isinstance(self.columns.arch, str) else list(self.columns.arch.values())

    def expanded(self, header: Iterable[str]) -> Description:
        """With one metric for each column that a name such as "val{epochs}_{dataset}" stands for. UserError where no
        column of the header fits."""
        header = list(header)
        metrics = {
            name: [one for metric in found for one in metric.fitting(header)] for name, found in self.metrics.items()
        }
        return self.model_copy(update={"metrics": metrics})

    def column_names(self) -> list[str]:
        """Every column that is read."""
        axes = (self.columns.dataset, self.columns.seed, self.columns.epochs)
        return [*self.arch_columns(), *(name for name in axes if name), *(metric.column for _, metric in self.each())]

    def each(self) -> Iterator[tuple[str, Metric]]:
        """(name of the metric, one of its columns)."""
        return ((name, metric) for name, found in self.metrics.items() for metric in found)


def fractions(values: pd.Series, unit: str, where: str) -> pd.Series:
    """Accuracies as fractions. UserError for an unknown unit, and where all percentages are below 1: they are fractions
    already."""
    if unit not in UNITS:
        raise UserError(f"{where}: unit {unit!r} of an accuracy must be one of {', '.join(UNITS)}")
    if unit == "percent" and values.notna().any() and values.abs().max() <= 1:
        raise UserError(f"{where}: no value above 1 per cent: is `unit: fraction` meant?")
    values = values / 100 if unit.startswith("percent") else values
    return 1 - values if unit.endswith("error") else values


def described(path: Path) -> Description:
    """UserError names the key."""
    try:
        return Description.model_validate(load(path))
    except ValidationError as error:
        errors = error.errors()  # an unknown key says more than the one that is missing for it
        first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
        place = ".".join(map(str, first["loc"])) or "the file"
        raise UserError(f"{path}: {place}: {first['msg']}, got {str(first['input'])[:80]!r}") from None
