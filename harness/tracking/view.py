"""What an MLflow run shows of a record: its name, note, tags, parameters, metrics and files.

The record is the truth and one of the files; parameters and metrics are what people compare runs by.
"""

from __future__ import annotations

import csv
import math
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.plan import fingerprints
from harness.plan.fingerprints import hash_of
from spaces.base import UserError

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput, Metric, Param

    from harness.analysis.analysis import Analysis

Record = dict[str, Any]
TEXT_LENGTH, NAME_LENGTH = 6000, 250  # MLflow refuses longer ones
DIGEST_LENGTH = 8  # of the images' hash, which MLflow's column shows behind the dataset's name
MOST = 15
"""Parameters of a run: those that tell runs apart, in this order. `x.` is all that x has. What a protocol switches off
by None or 0 is left out."""
PARAMETERS = {
    "search": ("budget.epochs", "budget.evaluations", "parameters.", "search_cells", "search_width", "budget.batch"),
    "train": ("recipe.epochs", "recipe.lr", "recipe.", "tricks.", "width", "image", "stem", "samples"),
}
CELL = ("protocol", "dataset", "space", "method")
OPTIONAL = {"arch": "", "result": {}, "curves": {}, "config": {}, "environment": {}, "fingerprint": "", "data": ""}


class Drawings(NamedTuple):
    """What draws for MLflow. `architecture`: of a space, by its text, into a PNG; `folder` keeps these, so that a
    search and its trainings share one. `comparison`: the table and the forest plot of a dataset, into a folder."""

    architecture: Callable[[str, str, Path], None] | None = None
    folder: Path | None = None
    comparison: Callable[[Analysis, str, Path], None] | None = None


def complete(record: Record) -> Record:
    """A record with its absent fields empty: a failed job has no architecture, or no result."""
    return OPTIONAL | {name: value for name, value in record.items() if value is not None}


def cell(record: Record) -> tuple[str, ...]:
    """The method in its space and dataset, under its protocol, that a record belongs to."""
    return tuple(record["key"][axis] for axis in CELL)


def looked_up(record: Record) -> bool:
    """Whether a table answered: its protocol's recipe is a `protocols.base.Lookup`."""
    return "runs" in record.get("config", {}).get("setting", {}).get("recipe", {})


def job_key(record: Record) -> str:
    """What a record is about, as a path; a record that is made again keeps it."""
    key = record["key"]
    variant = "".join(f"-{path}={value}" for path, value in sorted(key.get("variant", {}).items()))
    axes = "".join(f"-{a}{key[a]}{variant if a == 'cells' else ''}" for a in ("cells", "repeat") if a in key)
    return "/".join((*cell(record), f"{record['kind']}-{key['seed']}{axes}"))


def title(record: Record) -> str:
    """What tells a run from its neighbours comes first: tables and legends cut the end off."""
    key = record["key"]
    variant = "".join(f", {path} {value}" for path, value in key.get("variant", {}).items())
    ablation = "" if key.get("main", True) else f", {key['cells']} cells{variant}, repeat {key['repeat']}"
    return f"{record['kind']} {key['seed']}{ablation}: {cell_title(cell(record))}"


def cell_title(cell: tuple[str, ...]) -> str:
    """As the folders under results/, so that names sort and stay apart where a column cuts them off."""
    return "/".join(cell[1:])


def note(record: Record) -> str:
    """Markdown: what was done, and how it ended."""
    key, result = record["key"], record["result"]
    if record["kind"] == "search":
        said = f"Search with seed {key['seed']}."
    else:
        counts = "counts for the comparison" if key.get("main", True) else "belongs to an ablation"
        said = f"Trained from scratch, {key.get('cells')} cells, repeat {key.get('repeat')}; {counts}."
    if "test_accuracy" in result:
        said += f" Test accuracy after the last epoch: **{100 * result['test_accuracy']:.2f}%**."
    said += " All settings are in the artifact `record.json`."
    if record["status"] != "done":
        said += f"\n\n**{record['status']}**: {record.get('reason', '')}"
    return said


def tags(record: Record) -> dict[str, str]:
    """The axes, versions and the machine, and what MLflow's own columns and pages read (`mlflow.…`)."""
    measured = {name: value for name, value in record["measured"].items() if isinstance(value, str)}
    own = {"role": record["kind"], "status": record["status"], "record": record["sha256"], "job_key": job_key(record)}
    shown = {"mlflow.note.content": note(record), "mlflow.source.name": f"methods/{record['key']['method']}.py"}
    if commit := record["environment"].get("commit"):
        shown["mlflow.source.git.commit"] = commit
    everything = record["environment"] | measured | record["key"] | own | shown
    return {name: str(value) for name, value in everything.items()}


def period(record: Record) -> tuple[int, int]:
    """When the job began and ended, in milliseconds since 1970."""
    start = datetime.fromisoformat(record["measured"]["date"]).timestamp()
    return round(1000 * start), round(1000 * (start + record["measured"]["seconds"]))


def metrics(record: Record) -> list[Metric]:
    """Results under their own names, accuracies in percent; costs as `system/…`, for MLflow's page of system metrics;
    curves as `epoch/…`, one point an epoch, which MLflow draws as a group. Times come from the record, so that every
    import gives the same points."""
    from mlflow.entities import Metric

    start, end = period(record)
    curves = dict(record["curves"])
    epochs = curves.pop("epoch", [])
    points = [
        (*percent(f"epoch/{name}", value), start + (end - start) * (i + 1) // len(epochs), epoch)
        for name, column in curves.items()
        for i, (epoch, value) in enumerate(zip(epochs, column))
    ]
    points += [(f"system/{name}", value, end, 0) for name, value in record["measured"].items()]
    points += [(*percent(name, value), end, 0) for name, value in record["result"].items()]
    return [Metric(_name(name), float(v), at, step) for name, v, at, step in points if isinstance(v, int | float)]


def percent(name: str, value: Any) -> tuple[str, Any]:
    """A result as a metric: an accuracy, which records hold as a fraction, in percent with two decimals."""
    if name.endswith("accuracy") and isinstance(value, int | float):
        return f"{name}_percent", round(100 * value, 2)
    return name, value


def infinite(metrics: list[Metric]) -> dict[str, str]:
    """Tags `exact <metric>`: "inf at step 3, …", because MLflow stores infinite values as ±1.8e308."""
    texts: dict[str, list[str]] = {}
    for metric in metrics:
        if math.isinf(metric.value):
            texts.setdefault(f"exact {metric.key}", []).append(f"{metric.value} at step {metric.step}")
    return {name: ", ".join(text)[:TEXT_LENGTH] for name, text in texts.items()}


def params(record: Record) -> list[Param]:
    """The settings by which runs of its kind differ, nested names joined by dots: `recipe.lr`, `budget.epochs`,
    `parameters.alpha_lr`; those that a variant changes first. What is a tag is no parameter."""
    from mlflow.entities import Param

    config = record["config"]
    values = {**dict(_flat(config.get("setting", {}))), **dict(_flat(config)), "arch": record["arch"]}
    names = [name for name in sorted(values) if name not in record["key"] and values[name] not in (None, "", [], ())]
    names = [name for name in names if values[name] != 0 or name.startswith("parameters.")]
    wanted = ("arch", *record["key"].get("variant", {}), *PARAMETERS[record["kind"]])
    found = [name for want in wanted for name in names if name == want or want.endswith(".") and name.startswith(want)]
    return [Param(_name(name), _text(values[name])[:TEXT_LENGTH]) for name in [*dict.fromkeys(found)][:MOST]]


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _flat(config: Record, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings as (dotted name, value)."""
    for name, value in config.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _name(text: str) -> str:
    """A name that MLflow takes."""
    return re.sub(r"[^\w.\- :/]", "_", text)[:NAME_LENGTH]


def dataset(record: Record, context: str) -> list[DatasetInput]:
    """MLflow's own column for datasets: the name, and the hash of the prepared images."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    name = record["key"]["dataset"][:NAME_LENGTH]
    digest = record["data"][:DIGEST_LENGTH] or "unknown"
    return [DatasetInput(Dataset(name, digest, "local", name), [InputTag("mlflow.data.context", context)])]


class Artifacts:
    """The files of a run, put together in a folder: the record, its curves, the architecture's text and picture."""

    def __init__(self, files: Path, drawings: Drawings) -> None:
        self.files, self.drawings = files, drawings

    def collect(self, path: Path, record: Record) -> str:
        """The folder, with the files of this record."""
        shutil.rmtree(self.files, ignore_errors=True)
        self.files.mkdir()
        shutil.copy(path, self.files / "record.json")
        if record["curves"]:
            names = sorted(record["curves"], key=lambda name: (name != "epoch", name))
            with (self.files / "curves.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(names)
                writer.writerows(zip(*(record["curves"][name] for name in names)))
        if record["arch"]:
            (self.files / "architecture.txt").write_text(f"{record['arch']}\n", encoding="utf-8")
            self._draw(record["key"]["space"], record["arch"])
        return str(self.files)

    def comparison(self, analysis: Analysis, dataset: str) -> str | None:
        """The folder, with the table and the forest plot of a dataset; None where nobody draws them."""
        if not self.drawings.comparison:
            return None
        shutil.rmtree(self.files, ignore_errors=True)
        self.files.mkdir()
        self.drawings.comparison(analysis, dataset, self.files)
        return str(self.files)

    def _draw(self, space: str, text: str) -> None:
        if not self.drawings.architecture:
            return
        folder = self.drawings.folder or self.files.parent
        picture = folder / f"{hash_of([space, text, fingerprints.modules('harness.report.figures.drawing')])}.png"
        if not picture.exists():
            half = picture.with_suffix(f".{os.getpid()}.png")
            folder.mkdir(parents=True, exist_ok=True)
            with suppress(UserError):  # an architecture that cannot be drawn
                self.drawings.architecture(space, text, half)
                os.replace(half, picture)
        if picture.exists():
            shutil.copy(picture, self.files / "architecture.png")
