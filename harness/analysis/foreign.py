"""Results that were not made here: a CSV file goes through the same statistics.

Columns: dataset, space, method, seed, accuracy (fraction or percent, one unit per dataset; a percentage below 1 needs
its sign: 0.83%), and where known cells (depth of the trained network), arch (text, the same for the same architecture),
variant (what else than the cells differs from the usual training, a text), repeat (0 for the training that counts, 1 …
for further training seeds), main (true for the trainings that runs are
judged by), status (why a run has no accuracy), parameters and macs. Method `random_sampling` is the baseline of its
space. The separator, decimal commas, comments, the case of the header and how a missing value is written are told
from the file (`csv_lines`, `csv_values`), and so are the forms in which others publish results (`csv_forms`).
"""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.analysis.columns import RUN
from harness.analysis.csv_forms import UNASKED, Asked, results
from harness.analysis.csv_lines import canonical
from harness.analysis.csv_values import DONE, FINE, Value
from harness.plan.jobs import RANDOM
from harness.records.files import write_atomically
from spaces.base import UserError

NEEDED = (*RUN, "accuracy")
OPTIONAL = ("cells", "arch", "variant", "repeat", "main", "status", "parameters", "macs")
Row = dict[str, Any]


def read_csv(path: Path, asked: Asked = UNASKED) -> list[Row]:
    """The rows of a CSV as trainings; UserError that names file, line and cure. asked: what the file leaves open."""
    return _checked(path, _rows(path, asked), asked)


def read_csvs(paths: Sequence[Path], asked: Asked = UNASKED) -> list[Row]:
    """Of several files together: the baseline of one may stand in another."""
    if len(paths) == 1:
        return read_csv(paths[0], asked)
    rows = [row | {"line": f"{row['line']} of {path}"} for path in paths for row in _rows(path, asked)]
    return _checked(Path("FILE..."), rows, asked)


def _rows(path: Path, asked: Asked) -> list[Row]:
    rows = [_row(path, line, texts, asked) for line, texts in results(path, NEEDED, OPTIONAL, asked)]
    if not rows:
        raise UserError(f"{path} holds no results: write one line per run under the header {','.join(NEEDED)}")
    return rows


def _checked(path: Path, rows: list[Row], asked: Asked) -> list[Row]:
    methods = {row.pop("named") for row in rows}
    if asked.baseline and asked.baseline not in methods:
        raise UserError(f"{path} has no method {asked.baseline}: its methods are {', '.join(sorted(methods))}")
    _refuse_two_spellings(path, rows)
    _refuse_duplicates(path, rows)
    _refuse_failed(path, rows)
    _settle_units(path, rows)
    _refuse_missing_baselines(path, rows)
    _refuse_two_main(path, rows)
    if not any(row["repeat"] for row in rows):
        _count_repeats(rows)
    return rows


def _row(path: Path, line: int, texts: dict[str, str], asked: Asked) -> Row:
    values = {name: Value(path, line, name, texts.get(name, "")) for name in NEEDED + OPTIONAL}
    row: Row = {name: values[name].named() for name in ("dataset", "space", "method")}
    row["named"] = row["method"]
    row["method"] = RANDOM if canonical(row["method"]) == RANDOM or row["method"] == asked.baseline else row["method"]
    row["seed"] = values["seed"].count(bits=128)
    row["status"] = DONE if values["status"].missing else values["status"].text
    row["status"] = DONE if row["status"].lower() in FINE else row["status"]
    row["accuracy"] = _accuracy(values["accuracy"], row["status"])
    row["percent"] = texts["accuracy"].endswith("%")
    row["arch"] = None if values["arch"].missing else values["arch"].text
    row["variant"] = "" if values["variant"].missing else values["variant"].text
    row["repeat"] = 0 if values["repeat"].missing else values["repeat"].count()
    row["main"] = values["main"].truth() if "main" in texts else None
    for name in ("cells", "parameters", "macs"):
        row[name] = None if values[name].missing else values[name].count(least=1)
    return {**row, "line": line}


def _accuracy(value: Value, status: str) -> float:
    """nan for a run that failed. UserError where it has an accuracy all the same: which of the two is meant?"""
    if status == DONE:
        return value.accuracy()
    try:
        value.accuracy()
    except UserError:
        return math.nan
    raise UserError(
        f"{value.where}: status is {status!r}, but accuracy {value.text}: leave the accuracy of a failed run empty, or"
        f" write {DONE} as its status"
    )


def _refuse_two_spellings(path: Path, rows: list[Row]) -> None:
    """DARTS and darts would be two methods with half of the runs each."""
    seen: dict[tuple[str, str], Row] = {}
    for row in rows:
        for column in ("dataset", "space", "method"):
            first = seen.setdefault((column, canonical(row[column])), row)
            if first[column] != row[column]:
                raise UserError(
                    f"{path}, line {row['line']}: {column} {row[column]!r} is {first[column]!r} on line"
                    f" {first['line']}: spell it the same, or give another one a name of its own"
                )


def _refuse_duplicates(path: Path, rows: list[Row]) -> None:
    seen: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        names = (*RUN, "cells", "arch", "variant", "repeat")
        first = seen.setdefault(tuple(row[name] for name in names), row)
        if first is not row:
            raise UserError(
                f"{path}, line {row['line']}: the same run as line {first['line']} ({row['dataset']}, {row['space']},"
                f" {row['method']}, seed {row['seed']}): remove one, or give each its own seed or repeat"
            )


def _refuse_failed(path: Path, rows: list[Row]) -> None:
    if all(math.isnan(row["accuracy"]) for row in rows):
        reasons = ", ".join(f"{number} {status}" for status, number in Counter(row["status"] for row in rows).items())
        raise UserError(f"{path}: every run failed ({reasons}): there is nothing to compare")


def _settle_units(path: Path, rows: list[Row]) -> None:
    """One unit per dataset: a fraction among percentages would silently enter a mean a hundred times too small.
    Percentages that are all below 1 become fractions, because numbers that are all below 1 are read as such."""
    for dataset in sorted({row["dataset"] for row in rows}):
        of = [row for row in rows if row["dataset"] == dataset]
        fractions = [row for row in of if 0 < row["accuracy"] < 1 and not row["percent"]]
        percentages = [row for row in of if row["percent"] or row["accuracy"] > 1]
        if fractions and percentages:
            one, other = fractions[0], max(percentages, key=lambda row: row["accuracy"])
            raise UserError(
                f"{path}, line {one['line']}: accuracy {one['accuracy']:g} of {dataset} looks like a fraction,"
                f" {other['accuracy']:g} on line {other['line']} is a percentage: write all in one unit,"
                " and percentages below 1 with their sign (0.83%)"
            )
        if percentages and not any(row["accuracy"] > 1 for row in of):
            for row in of:
                row["accuracy"] /= 100


def _refuse_missing_baselines(path: Path, rows: list[Row]) -> None:
    judged = [row for row in rows if row["main"] is not False]
    baselines = {(row["dataset"], row["space"]) for row in judged if row["method"] == RANDOM}
    for row in rows:
        if (row["dataset"], row["space"]) not in baselines:
            marked = "" if row["main"] is None else ", main true where it counts"
            raise UserError(
                f"{path}, line {row['line']}: no baseline for space {row['space']} on dataset {row['dataset']}:"
                f" add its random architectures as method {RANDOM}{marked}; or name the method that takes their place:"
                f" python -m harness convert {path} --baseline METHOD --out runs.csv"
            )


def _refuse_two_main(path: Path, rows: list[Row]) -> None:
    """A run is judged by one training: two would count it twice."""
    seen: dict[tuple[Any, ...], int] = {}
    for row in rows:
        first = seen.setdefault(tuple(row[name] for name in RUN), row["line"]) if row["main"] else row["line"]
        if first != row["line"]:
            raise UserError(
                f"{path}, line {row['line']}: main is true as on line {first}, for the same run ({row['dataset']},"
                f" {row['space']}, {row['method']}, seed {row['seed']}): leave it true for one of them"
            )


def _count_repeats(rows: list[Row]) -> None:
    """A random architecture listed under several seeds was trained several times: it is one architecture of the
    baseline, and the seeds are its repeats."""
    trained: dict[tuple[Any, ...], int] = {}
    for row in sorted(rows, key=lambda row: row["seed"]):
        if row["method"] == RANDOM and row["arch"]:
            architecture = tuple(row[name] for name in ("dataset", "space", "cells", "arch"))
            row["repeat"] = trained[architecture] = trained.get(architecture, -1) + 1


def write_rows(path: Path, rows: list[Row]) -> None:
    """Writes rows of `read_csv` as a CSV that it reads as the same."""
    largest = {row["dataset"]: 0.0 for row in rows}
    for row in rows:
        largest[row["dataset"]] = max(largest[row["dataset"]], row["accuracy"] if row["accuracy"] >= 0 else 0.0)
    used = [name for name in OPTIONAL if any(row[name] not in (None, DONE, 0, "") for row in rows)]
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow([*NEEDED, *used])
    for row in rows:
        small_percentage = 0 < row["accuracy"] < 1 < largest[row["dataset"]]
        accuracy = "" if math.isnan(row["accuracy"]) else f"{row['accuracy']}{'%' if small_percentage else ''}"
        lines.writerow(
            [*(row[name] for name in RUN), accuracy, *("" if row[name] is None else row[name] for name in used)]
        )
    write_atomically(path, text.getvalue().encode())
