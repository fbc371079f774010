"""Results as data frames of one form, whether they were read from records or from a CSV that was made elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from harness import records
from harness.analysis.anytime import PROGRESS, progress
from harness.analysis.columns import RUN, by_column
from harness.analysis.foreign import read_csv
from harness.analysis.fronts import MEMBERS, members
from harness.analysis.provenance import provenance
from harness.plan.jobs import RANDOM
from protocols.parts.variants import said
from spaces.base import UserError

TRAININGS = [*RUN, "cells", "variant", "repeat", "main", "status", "accuracy", "arch"]
TRAININGS += ["images", "parameters", "macs", "seconds"]
SEARCHES = [*RUN, "status", "arch", "images", "seconds"]
CURVES = [*RUN, "metric", "epoch", "value"]
SHARED = [*RUN, "arch", "shared"]
SCORES = [*RUN, "proxy", "score", "seconds"]
KEPT = ("kind", "status", "key", "arch", "result", "curves", "measured")
CONFIG = ("version", "setting", "parameters")
"""Fields of a record, and of its configuration, that results are made of."""
TYPES = {
    **dict.fromkeys(("dataset", "space", "method", "variant", "status", "arch", "metric", "proxy"), "str"),
    **dict.fromkeys(("seed", "cells", "repeat", "images", "parameters", "macs"), "Int64"),
    **dict.fromkeys(("accuracy", "seconds", "value", "score"), "float"),
    "main": "bool",
}


@dataclass(frozen=True)
class Results:
    """One row per training, per search, and per point of a search's curve; unknown values are missing.

    `variant` of a training says what else than its cells differs from the protocol's setting, "" for nothing.
    `accuracy` is in the units it came in and missing unless `status` is "done". `main` marks the training that a run is
    judged by. `about`: protocol, version, machine, commit, for captions. `provenance`: all settings and versions that
    the records name. `progress`: how searches by evaluations improved. `shared`: validation accuracies of architectures
    with the shared weights of a search. `scores`: of random architectures by proxies, with the seconds that each took.
    `members`: of the fronts of searches on tables.
    """

    trainings: pd.DataFrame
    searches: pd.DataFrame
    curves: pd.DataFrame
    about: dict[str, str]
    provenance: pd.DataFrame = field(default_factory=lambda: provenance([]))
    progress: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=PROGRESS))
    shared: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=SHARED))
    scores: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=SCORES))
    members: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=MEMBERS))


def read_results(path: Path | Sequence[Path]) -> Results:
    """Results from a folder of records, a list of their paths, or one CSV; UserError where there is nothing, or nothing
    that can be trusted."""
    if not isinstance(path, Path):
        return _from_records(path)
    if path.is_dir():
        if found := records.below(path):
            return _from_records(found)
        raise UserError(f"no records in {path}: run the benchmark first, or name another folder")
    if not path.exists():
        raise UserError(f"no records at {path}: name a folder of records or a CSV file")
    rows = read_csv(path)
    marked = any(row["main"] is not None for row in rows)
    trainings = _frame(rows, TRAININGS)
    return Results(
        trainings if marked else _mark_main(trainings), _frame([], SEARCHES), _frame([], CURVES), {"source": path.name}
    )


def percent_factor(accuracy: pd.Series) -> float:
    """What accuracies have to be multiplied by to be percentages: 100 for fractions, 1 for percentages."""
    return 1.0 if accuracy.max() > 1 else 100.0


def in_percent(trainings: pd.DataFrame) -> pd.DataFrame:
    """The same rows with accuracies in percent; a dataset has one unit."""
    factors = trainings.groupby("dataset")["accuracy"].transform(percent_factor)
    return trainings.assign(accuracy=trainings["accuracy"] * factors)


def _frame(rows: Iterable[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    frame = by_column(rows, columns)
    types = {name: TYPES[name] for name in columns if name in TYPES}
    if len(frame) and frame["seed"].max() >= 2**63:
        types["seed"] = "object"  # whole numbers of any size
    frame = frame.astype(types)
    return frame.sort_values(
        [name for name in (*RUN, "cells", "variant", "repeat", "metric", "epoch") if name in columns], kind="stable"
    )


def _mark_main(trainings: pd.DataFrame) -> pd.DataFrame:
    """A run is judged by repeat 0 at the protocol's number of cells: the most frequent one, of equally frequent ones
    the largest. Rows without cells were trained at the protocol's."""
    cells = trainings["cells"].fillna(0)
    depths = trainings.groupby(["dataset", "space"])["cells"].transform(lambda cells: max(cells.mode(), default=0))
    judged = ((cells == 0) | (cells == depths)) & (trainings["repeat"] == 0) & (trainings["variant"] == "")
    return trainings.assign(main=judged.astype(bool))


def _from_records(paths: Sequence[Path]) -> Results:
    known: dict[str, Any] = {}
    found = {path: _read(path, known) for path in paths}
    _refuse_mixed(found)
    trainings = (_training(path, record) for path, record in found.items() if record["kind"] == "train")
    judged = [record for record in found.values() if record["kind"] == "train" and record["status"] == "done"]
    searches = {path: record for path, record in found.items() if record["kind"] == "search"}
    curves = (point for record in searches.values() if not _random(record) for point in _points(record))
    scores = (score for record in searches.values() if _random(record) for score in _scores(record))
    return Results(
        _frame(trainings, TRAININGS),
        _frame((_row(record) for record in searches.values()), SEARCHES),
        _frame(curves, CURVES),
        _about(found.values()),
        provenance(found.values()),
        by_column(progress(searches.values(), judged), PROGRESS),
        by_column((row for record in searches.values() for row in _shared(record)), SHARED),
        _frame(scores, SCORES),
        by_column(members(judged), MEMBERS),
    )


def _read(path: Path, known: dict[str, Any]) -> dict[str, Any]:
    """What results need of a record, a third of it; what records have in common is one object, kept in `known`."""
    record = records.read(path)
    config = {name: _once(value, known) for name, value in record.get("config", {}).items() if name in CONFIG}
    kept = {name: value for name, value in record.items() if name in KEPT}
    return {**kept, "config": config, "environment": _once(record.get("environment", {}), known)}


def _once(value: Any, known: dict[str, Any]) -> Any:
    return known.setdefault(repr(value), value)


def _refuse_mixed(found: dict[Path, dict[str, Any]]) -> None:
    """Records of two protocols, two records of one job, and records of another kind make no table."""
    seen: dict[str, Path] = {}
    for path, record in found.items():
        if record.get("kind") not in ("search", "train"):
            raise UserError(f"record {path} is of unknown kind {record.get('kind')!r}: move it out of the folder")
        job = f"{record['kind']} {sorted(record['key'].items())}"
        if first := seen.get(job):
            raise UserError(f"records {first} and {path} are of the same job: remove one of them")
        seen[job] = path
    for name_of in (_protocol, _version):
        named = {name_of(record): path for path, record in found.items() if name_of(record)}
        if len(named) > 1:
            (a, path_a), (b, path_b) = sorted(named.items())[:2]
            raise UserError(f"records of two protocols, {a} ({path_a}) and {b} ({path_b}): make one table of each")


def _protocol(record: dict[str, Any]) -> str:
    return record["key"]["protocol"]


def _version(record: dict[str, Any]) -> str | None:
    """Of the protocol: records of searches have it, those of trainings name their search."""
    return record.get("config", {}).get("version")


def _row(record: dict[str, Any]) -> dict[str, Any]:
    measured, result = record.get("measured", {}), record["result"]
    common = {"status": record["status"], "arch": record.get("arch"), "seconds": measured.get("seconds")}
    return {**record["key"], **common, **{name: result.get(name) for name in ("images", "parameters", "macs")}}


def _training(path: Path, record: dict[str, Any]) -> dict[str, Any]:
    accuracy = record["result"].get("test_accuracy")
    if record["status"] != "done":
        accuracy = None
    elif not isinstance(accuracy, float | int) or not 0 <= accuracy <= 1 or math.isnan(accuracy):
        raise UserError(f"record {path} is done but its test accuracy is {accuracy!r}: delete it and run again")
    variant = said(tuple(sorted(record["key"].get("variant", {}).items())))
    return {**_row(record), "variant": variant, "accuracy": accuracy}


def _points(record: dict[str, Any]) -> Iterable[dict[str, Any]]:
    curves = record["curves"]
    for metric in sorted(set(curves) - {"epoch"}):
        for epoch, value in zip(curves["epoch"], curves[metric]):
            yield {**record["key"], "metric": metric, "epoch": epoch, "value": value}


def _shared(record: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for arch, accuracy in record["result"].get("shared_accuracies", {}).items():
        yield {**record["key"], "arch": arch, "shared": accuracy}


def _random(record: dict[str, Any]) -> bool:
    return bool(record["key"]["method"] == RANDOM)


def _scores(record: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """What a random architecture scored; nan where a proxy gave no number."""
    took = record.get("measured", {}).get("parts", {})
    for proxy in record.get("config", {}).get("parameters", {}).get("scores", ()):
        logged = [value for value in record["curves"].get(f"score {proxy}", []) if value is not None]
        row = {"proxy": proxy, "score": logged[0] if logged else math.nan, "seconds": took.get(f"score {proxy}")}
        yield {**record["key"], **row}


def _warning(record: dict[str, Any]) -> str | None:
    """Of a record whose search chose by test accuracy, because its table has no other."""
    told = record["result"].get("validation") == "test"
    return f"accuracies on {record['key']['dataset']} are test values" if told else None


def _about(found: Iterable[dict[str, Any]]) -> dict[str, str]:
    """What captions name of the records: all of their machines and commits."""
    found = list(found)
    names = {
        "protocol": set(filter(None, map(_version, found))) or set(map(_protocol, found)),
        "machine": {record.get("measured", {}).get("machine") for record in found},
        "commit": {record.get("environment", {}).get("commit") for record in found},
        "validation": {_warning(record) for record in found},
    }
    return {name: "; ".join(sorted(filter(None, values))) for name, values in names.items() if any(values)}
