"""The forms in which people publish results, as one line of named texts per run.

- one line per run under our own names of columns, or close ones;
- wide: a column per method and a line per run, as the NAS-Benchmark repository of "NAS evaluation is frustratingly
  hard" has them: `Random DARTS,DARTS,Random ENAS,ENAS`, one file per dataset. A method is compared with the column
  `Random …` that its name begins with, and the two are a space;
- AutoMLBenchmark's results.csv: a line per task, framework and fold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.analysis.csv_lines import Lines, canonical, shown
from harness.analysis.csv_values import MISSING
from harness.plan.jobs import RANDOM
from spaces.base import UserError

AUTOML = ("task", "framework", "fold")
CALLED = {
    **dict.fromkeys(("acc", "test_acc", "test_accuracy", "accuracy_test"), "accuracy"),
    **{"search_space": "space", "algorithm": "method", "params": "parameters", "architecture": "arch"},
    **{"random_seed": "seed"},
}
"""Other names of our columns, for files without ours."""
PERCENT = re.compile(r"_?(\[%\]|\(%\)|%|\(?(?:percent|pct)\)?)$")
RANDOM_OF = re.compile(r"random[_ -]+(?!sampling\b|search\b)(.+)", re.IGNORECASE)
Result = tuple[int, dict[str, str]]


@dataclass(frozen=True)
class Asked:
    """What a file leaves open. `baseline`: the method that takes the place of random architectures; `dataset`, `space`:
    of files that have no such column."""

    baseline: str | None = None
    dataset: str | None = None
    space: str | None = None


UNASKED = Asked()


def results(path: Path, needed: Sequence[str], optional: Sequence[str], asked: Asked) -> Iterator[Result]:
    """(line, texts by column) of each run; UserError where the form is unknown."""
    lines = Lines(path, (*needed, *optional, *AUTOML))
    if not any(lines.header):
        raise UserError(f"{path} is empty: its first line must be the header {','.join(needed)}")
    names = _names(lines.header, needed)
    given = {"dataset": asked.dataset, "space": asked.space}
    missing = [name for name in needed if name not in names and not given.get(name)]
    if missing and set(AUTOML) <= set(lines.header):
        found = _automl(path, lines)
    elif missing and (asked.baseline or any(map(RANDOM_OF.fullmatch, lines.named))) and "method" not in names:
        found = _wide(path, lines, asked)
    elif missing:
        raise _unknown(path, lines, missing, (*needed, *optional))
    else:
        found = _plain(path, lines, names)
    return _answered(found, asked)


def _names(header: Sequence[str], needed: Sequence[str]) -> list[str]:
    """Our names of the columns."""
    names = [short if CALLED.get(short := PERCENT.sub("", name), short) == "accuracy" else name for name in header]
    return [CALLED.get(name, name) if CALLED.get(name, name) not in names else name for name in names]


def _plain(path: Path, lines: Lines, names: list[str]) -> Iterator[Result]:
    if twice := sorted({name for name in names if name and names.count(name) > 1}):
        raise UserError(f"{path}, line {lines.header_line}: column {', '.join(twice)} is there twice: keep one")
    percent = "accuracy" in names and PERCENT.search(lines.header[names.index("accuracy")])
    for line, values in lines:
        texts = dict(zip(names, values))
        if percent and texts["accuracy"].lower() not in MISSING:
            texts["accuracy"] = f"{texts['accuracy'].removesuffix('%')}%"
        yield line, texts


def _wide(path: Path, lines: Lines, asked: Asked) -> Iterator[Result]:
    """A column is a method: its baseline is the column `Random …` that its name begins with, or the one asked for."""
    counts = [i for i, name in enumerate(lines.header) if name in ("", "seed", "run", "index", "unnamed:_0")]
    columns = {i: name for i, name in enumerate(lines.named) if i not in counts}
    for name in columns.values():  # pandas names a second column DARTS "DARTS.1"
        if sum(re.sub(r"\.\d+$", "", other) == name for other in columns.values()) > 1:
            raise UserError(f"{path}, line {lines.header_line}: column {name} is there twice: keep one")
    places = _paired(path, columns, asked)
    for number, (line, values) in enumerate(lines):
        seed = values[counts[0]] if counts else str(number)
        for i, (space, method) in places.items():
            if values[i].lower() not in MISSING:  # columns of different lengths
                names = {"dataset": path.stem, "space": space, "method": method}
                yield line, {**names, "seed": seed, "accuracy": values[i]}


def _paired(path: Path, columns: dict[int, str], asked: Asked) -> dict[int, tuple[str, str]]:
    """Column -> (space, method)."""
    if asked.baseline:
        return {i: (asked.space or "space", name) for i, name in columns.items()}
    spaces = {match[1]: i for i, name in columns.items() if (match := RANDOM_OF.fullmatch(name))}
    places = {i: (space, RANDOM) for space, i in spaces.items()}
    for i in columns.keys() - places.keys():
        own = [space for space in spaces if canonical(columns[i]).startswith(canonical(space))]
        if not own:
            raise UserError(
                f"{path}: column {columns[i]} has no column 'Random {columns[i]}' to compare with: add or remove it, or"
                f" name one baseline: python -m harness convert {path} --baseline COLUMN --out runs.csv"
            )
        places[i] = (max(own, key=len), columns[i])
    return places


def _automl(path: Path, lines: Lines) -> Iterator[Result]:
    """The accuracy of a task, framework and fold; the constraint, a budget, is the space. Of runs that were repeated,
    the last one; of failed ones, the info is the status."""
    scores = [name for name in ("acc", "accuracy") if name in lines.header]
    if not scores and "metric" not in lines.header:
        raise UserError(f"{path} has AutoMLBenchmark's columns, but none called acc or metric: no accuracy is known")
    found: dict[tuple[str, str, str, str], Result] = {}
    for line, values in lines:
        texts = dict(zip(lines.header, values))
        accuracy = texts[scores[0]] if scores else texts["result"] if texts["metric"].startswith("acc") else ""
        space, missing = texts.get("constraint") or "automl", accuracy.lower() in MISSING
        key = (texts["task"], space, texts["framework"], texts["fold"])
        if missing and texts.get("result", "").lower() not in MISSING:
            continue  # a task that is judged by another score: a regression
        run = {"dataset": key[0], "space": space, "method": key[2], "seed": key[3], "accuracy": accuracy}
        found[key] = (line, {**run, "status": texts.get("info") or "failed" if missing else ""})
    if all(run["status"] for _, run in found.values()):
        raise UserError(f"{path} holds no accuracy: its results are of another metric, and no column is called acc")
    yield from found.values()


def _answered(found: Iterator[Result], asked: Asked) -> Iterator[Result]:
    for line, texts in found:
        for name, text in (("dataset", asked.dataset), ("space", asked.space)):
            texts[name] = text or texts.get(name, "")
        yield line, texts


def _unknown(path: Path, lines: Lines, missing: list[str], ours: Sequence[str]) -> UserError:
    if line := lines.below(missing):
        return UserError(f"{path}: the names of the columns are on line {line}: remove the lines above it")
    seen = f"{len(lines.named)} columns separated by {shown(lines.separator)}: {', '.join(lines.named)[:120]}"
    return UserError(
        f"{path}, line {lines.header_line}: no column {', '.join(missing)} among its {seen}: name the columns"
        f" {','.join(ours)}"
    )
