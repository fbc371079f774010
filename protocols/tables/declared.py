"""Any CSV or Parquet file, described by a small YAML file that names its columns.

    space: file:space.yaml            # or the name of a space; files are named from this file's folder
    file: results.csv                 # may be compressed; left out where it is given on the command line
    unit: percent                     # of accuracies: percent, fraction, percent_error or fraction_error
    columns:                          # where the axes stand. Several columns for an architecture: {decision: column}
      arch: model                     # always
      dataset: task                   # else `dataset: NAME` in `fixed`
      seed: run                       # a seed or the number of a run; without it, rows are means
      epochs: epoch                   # else `epochs: N` in `fixed`
    fixed: {dataset: birds, epochs: 200}
    metrics:                          # a column; or what differs from the above, also as a list
      validation: val_acc
      test: [{column: acc_a, seed: 0}, {column: acc_b, seed: 1}]
      seconds: {column: time, epochs: 12}
      latency_phone: {column: ms, unit: ms}    # any other name is a cost    citation: Somebody (2030)
    notes: [what a reader of the numbers has to know]

A name of a column may have axes in it: `test: "acc{seed}"`, `validation: "val{epochs}_{dataset}"`.

A column named `…is_test…`, `…is_oritest…` or `…is_xtest…` is refused as validation.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import spaces
from protocols.tables.parts.columns import IS_TEST, is_table, need, read
from protocols.tables.parts.format import Format, Imported
from protocols.tables.parts.grids import AXES, METRICS
from spaces.base import UserError
from spaces.parts import declared
from spaces.parts.declared import PREFIX

if TYPE_CHECKING:
    import pandas as pd

    from protocols.tables.parts.description import Description, Metric

YAML = (".yaml", ".yml")


class Declared(Format):
    wanted = "a YAML file that names space, columns and metrics, and perhaps the CSV or Parquet file that it describes"

    def recognises(self, sources: Sequence[Path]) -> bool:
        kinds = sorted("yaml" if source.suffix in YAML else "table" if is_table(source) else "" for source in sources)
        return kinds in (["yaml"], ["table", "yaml"])

    def read(self, sources: Sequence[Path]) -> Imported:
        from protocols.tables.parts.description import described

        path = next((source for source in sources if source.suffix in YAML), sources[0])
        about = described(path)
        given = [source for source in sources if source != path]
        if len(given) + bool(about.file) == 0:
            raise UserError(f"{path} names no file: add the key file, or name the CSV behind it on the command line")
        own = about.space.startswith(PREFIX)
        name = f"{PREFIX}{path.parent / about.space.removeprefix(PREFIX)}" if own else about.space
        source = given[0] if given else path.parent / about.file
        table = read(source, texts=about.arch_columns())
        about = about.expanded(map(str, table))
        need(table, about.column_names(), source)
        rows = _rows(about, table, _archs(about, table, name, source), source)
        units = {name: metric.unit for name, metric in about.each() if metric.unit and name not in METRICS}
        files = declared.files(Path(name.removeprefix(PREFIX))) if own else {}
        kept = f"{PREFIX}{declared.COPY}" if own else name
        return Imported(kept, rows, units, about.notes, about.citation, about.classes, [source], files)


def _archs(about: Description, table: pd.DataFrame, name: str, path: Path) -> pd.Series:
    """The architectures' texts; written here where each decision has a column of its own."""
    import pandas as pd

    texts = {column: table[column].astype("string").str.strip() for column in about.arch_columns()}
    column = about.columns.arch
    if isinstance(column, str):
        return texts[column]
    space = spaces.space(name)
    if not isinstance(space, declared.Declared) or set(column) != set(space.decisions):
        raise UserError(f"{path}: columns.arch must name a column for each decision of the space, or one for all")
    for decision, options in zip(space.decisions, space.options):
        values = texts[column[decision]]
        if not values.isin(options).all():
            bad = values[~values.isin(options)].iloc[0]
            raise UserError(
                f"{path}: column {column[decision]}: {bad!r} is no option of {decision}: {', '.join(options)}"
            )
    designs = zip(*(texts[column[decision]] for decision in space.decisions))
    return pd.Series([space.write(design) for design in designs], index=table.index)


def _rows(about: Description, table: pd.DataFrame, archs: pd.Series, path: Path) -> pd.DataFrame:
    """The metrics of all columns; those of the same run meet in one row."""
    import pandas as pd

    pieces = [_piece(about, table, archs, name, metric, path) for name, metric in about.each()]
    rows = pd.concat(pieces, ignore_index=True)
    rows["seed"] = rows["seed"].astype(float)
    met = rows.groupby(list(AXES), dropna=False, sort=False)
    twice = met.count() > 1
    if twice.any(axis=None):
        (arch, dataset, seed, epochs), found = next(twice[twice.any(axis=1)].iterrows())
        raise UserError(
            f"{path}: two values of {found.idxmax()} for {arch} on {dataset}, seed {seed}, after {epochs} epochs: "
            "name the column of seeds or runs, or keep one"
        )
    return met.first().reset_index()


def _piece(
    about: Description, table: pd.DataFrame, archs: pd.Series, name: str, metric: Metric, path: Path
) -> pd.DataFrame:
    """One metric of one column."""
    import pandas as pd

    from protocols.tables.parts.description import fractions

    if name == "validation" and IS_TEST.search(metric.column):
        raise UserError(f"{path}: column {metric.column!r} says that it holds test values: it cannot be validation")
    values = table[metric.column]
    if not pd.api.types.is_numeric_dtype(values):
        raise UserError(f"{path}: column {metric.column!r} holds other things than numbers")
    if name in ("validation", "test"):
        values = fractions(values, metric.unit or about.unit, f"{path}, column {metric.column}")
    axes = {axis: _axis(about, table, metric, axis, path) for axis in ("dataset", "seed", "epochs")}
    return pd.DataFrame({"arch": archs, **axes, name: values}).dropna(subset=[name])


def _axis(about: Description, table: pd.DataFrame, metric: Metric, axis: str, path: Path) -> Any:
    """The metric's own value of an axis, else the file's column, else its fixed value."""
    own, named, fixed = (getattr(one, axis) for one in (metric, about.columns, about.fixed))
    if own is not None:
        return own
    if named is not None:
        return table[named]
    if fixed is None and axis != "seed":
        raise UserError(f"{path}: column {metric.column!r} has no {axis}: name its column, or its value under fixed")
    return float("nan") if fixed is None else fixed
