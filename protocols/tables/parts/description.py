"""What a YAML file says of a table in a CSV or Parquet file: `protocols/tables/declared.py` shows one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from spaces.base import UserError
from spaces.parts.declared import load

if TYPE_CHECKING:
    import pandas as pd

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

    column: str
    unit: str = ""


class Description(_Strict):
    """The file, key by key."""

    space: str
    file: str = ""
    unit: Literal["percent", "fraction", "percent_error", "fraction_error"] = "fraction"
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

    def column_names(self) -> list[str]:
        """Every column that is read."""
        axes = (self.columns.dataset, self.columns.seed, self.columns.epochs)
        metrics = [metric.column for found in self.metrics.values() for metric in found]
        return [*self.arch_columns(), *(name for name in axes if name), *metrics]

    def each(self) -> Iterator[tuple[str, Metric]]:
        """(name of the metric, one of its columns)."""
        return ((name, metric) for name, found in self.metrics.items() for metric in found)

    def fractions(self, values: pd.Series, where: str) -> pd.Series:
        """Accuracies as fractions. UserError where all percentages are below 1: they are fractions already."""
        if not self.unit.startswith("percent"):
            return 1 - values if self.unit == "fraction_error" else values
        if values.notna().any() and values.abs().max() <= 1:
            meant = self.unit.replace("percent", "fraction")
            raise UserError(f"{where}: no value above 1 per cent: is `unit: {meant}` meant?")
        return 1 - values / 100 if self.unit == "percent_error" else values / 100


def described(path: Path) -> Description:
    """UserError names the key."""
    try:
        return Description.model_validate(load(path))
    except ValidationError as error:
        errors = error.errors()  # an unknown key says more than the one that is missing for it
        first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
        place = ".".join(map(str, first["loc"])) or "the file"
        raise UserError(f"{path}: {place}: {first['msg']}, got {str(first['input'])[:80]!r}") from None
