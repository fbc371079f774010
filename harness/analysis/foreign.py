"""Results that were not made here: a CSV file goes through the same statistics.

Columns: dataset, space, method, seed, accuracy (fraction or percent, one unit per dataset; a percentage below 1 needs
its sign: 0.83%), and where known cells (depth of the trained network), arch (text, the same for the same architecture),
variant (what else than the cells differs from the usual training, a text), repeat (0 for the training that counts, 1 …
for further training seeds), main (true for the trainings that runs are
judged by), status (why a run has no accuracy), parameters and macs. Method `random_sampling` is the baseline of its
space.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.analysis.columns import RUN
from harness.plan.jobs import RANDOM
from spaces.base import UserError

NEEDED = (*RUN, "accuracy")
OPTIONAL = ("cells", "arch", "variant", "repeat", "main", "status", "parameters", "macs")
TRUE, FALSE, DONE = ("true", "1", "yes"), ("false", "0", "no"), "done"
Row = dict[str, Any]


def read_csv(path: Path) -> list[Row]:
    """The rows of a CSV as trainings; UserError that names file, line and cure."""
    rows: list[Row] = []
    for line, values in _lines(path):
        rows.append(_row(path, line, values))
    if not rows:
        raise UserError(f"{path} holds no results: write one line per run under the header {','.join(NEEDED)}")
    _refuse_duplicates(path, rows)
    _settle_units(path, rows)
    _refuse_missing_baselines(path, rows)
    _refuse_two_main(path, rows)
    if not any(row["repeat"] for row in rows):
        _count_repeats(rows)
    return rows


def _row(path: Path, line: int, values: dict[str, str]) -> Row:
    row: Row = {name: values[name] for name in ("dataset", "space", "method")}
    for name, text in row.items():
        if not text:
            raise UserError(f"{path}, line {line}: {name} is empty: write its name")
    row["seed"] = _count(path, line, "seed", values["seed"])
    row["status"] = values.get("status") or DONE
    failed = row["status"] != DONE and not values["accuracy"]
    row["accuracy"] = math.nan if failed else _accuracy(path, line, values["accuracy"].removesuffix("%").rstrip())
    row["percent"] = values["accuracy"].endswith("%")
    row["arch"] = values.get("arch") or None
    row["variant"] = values.get("variant", "")
    row["repeat"] = _count(path, line, "repeat", values.get("repeat", ""), empty=0)
    row["main"] = _main(path, line, values["main"]) if "main" in values else None
    for name in ("cells", "parameters", "macs"):
        row[name] = _count(path, line, name, values.get(name, ""), empty=None, least=1)
    return {**row, "line": line}


def _lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, values by column), blank lines left out, spaces around values removed."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            _check_header(path, header)
            for values in reader:
                if not any(value.strip() for value in values):
                    continue
                if len(values) != len(header):
                    raise UserError(
                        f"{path}, line {reader.line_num}: {len(values)} values under {len(header)} columns:"
                        " put texts that hold commas in double quotes"
                    )
                yield reader.line_num, dict(zip(header, map(str.strip, values)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} cannot be read as CSV ({error}): save it as comma-separated UTF-8 text") from None


def _check_header(path: Path, header: list[str]) -> None:
    if not any(header):
        raise UserError(f"{path} is empty: its first line must be the header {','.join(NEEDED)}")
    if missing := [name for name in NEEDED if name not in header]:
        raise UserError(
            f"{path}, line 1: no column {', '.join(missing)}: name the columns {','.join(NEEDED + OPTIONAL)}"
        )
    if twice := sorted({name for name in header if name and header.count(name) > 1}):
        raise UserError(f"{path}, line 1: column {', '.join(twice)} is there twice: keep one")


def _count(path: Path, line: int, name: str, text: str, empty: int | None = -1, least: int = 0) -> int | None:
    if not text and empty != -1:
        return empty
    if not text.isascii() or not text.isdigit() or int(text) < least:
        raise UserError(f"{path}, line {line}: {name} is {text!r}: write a whole number from {least} on")
    return int(text)


def _accuracy(path: Path, line: int, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UserError(f"{path}, line {line}: accuracy {text!r} is not a number: leave out runs that have none")
    if not 0 <= value <= 100:
        raise UserError(f"{path}, line {line}: accuracy {text} lies outside 0 to 100: write a fraction or a percentage")
    return value


def _main(path: Path, line: int, text: str) -> bool:
    if text.lower() not in TRUE + FALSE:
        raise UserError(
            f"{path}, line {line}: main is {text!r}: write true for a training that a run is judged by, or false"
        )
    return text.lower() in TRUE


def _refuse_duplicates(path: Path, rows: list[Row]) -> None:
    seen: dict[tuple[Any, ...], int] = {}
    for row in rows:
        names = (*RUN, "cells", "arch", "variant", "repeat")
        first = seen.setdefault(tuple(row[name] for name in names), row["line"])
        if first != row["line"]:
            raise UserError(
                f"{path}, line {row['line']}: the same run as line {first} ({row['dataset']}, {row['space']},"
                f" {row['method']}, seed {row['seed']}): remove one, or give each its own seed or repeat"
            )


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
        if percentages and max(row["accuracy"] for row in of) <= 1:
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
                f" add its random architectures as method {RANDOM}{marked}"
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
