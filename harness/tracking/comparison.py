"""The parents of the runs: one MLflow run per method, space and dataset, with its row of the table of relative
improvements."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.plan.fingerprints import hash_of
from harness.plan.jobs import RANDOM
from harness.tracking import view

if TYPE_CHECKING:
    from mlflow.entities import Run

    from harness.analysis.analysis import Analysis
    from harness.tracking.store import Client

Cell = tuple[str, ...]
ROLE = "comparison"
METRICS = {  # the tables' column -> the metric, its unit, and the decimals that MLflow's narrow columns have room for
    "ri": ("RI", 1, 2),
    "ri_low": ("RI_low", 1, 2),
    "ri_high": ("RI_high", 1, 2),
    "p": ("p", 1, 4),
    "p_holm": ("p_holm", 1, 4),
    "mean": ("test_accuracy_percent", 100, 2),
    "std": ("test_accuracy_percent_std", 100, 2),
    "random_mean": ("random_accuracy_percent", 100, 2),
    "percentile": ("percentile", 1, 0),
    "n_method": ("n", 1, 0),
    "failed_method": ("n_failed", 1, 0),
    "n_random": ("random_n", 1, 0),
    "seconds": ("system/seconds", 1, 0),
}
ROW, TABLE = "mlflow.shown.row", "mlflow.shown.table"  # tags, which the UI hides: hashes of what a parent shows
SIGNS = {"not distinguishable": "≈"}
"""Of verdicts in titles, which are short."""


def analysis(paths: Iterable[Path]) -> Analysis:
    """Of the records in these files; UserError where the tables would refuse them."""
    from harness.analysis.analysis import Analysis
    from harness.analysis.results import read_results

    return Analysis(read_results(sorted(paths)))


def rows(found: Analysis, protocol: str) -> dict[Cell, dict[str, Any]]:
    """By (protocol, dataset, space, method): the rows of the table of relative improvements, the means of the random
    baselines, and the seconds that all searches and trainings took."""
    from harness.analysis.columns import GROUP, by_group

    said: dict[Cell, dict[str, Any]] = {}
    for names, group in by_group(found.runs).items():
        done = group["accuracy"].dropna()
        row = {"mean": done.mean(), "std": done.std(ddof=1), "n_method": len(done), "seconds": 0.0}
        said[protocol, *names] = {**row, "failed_method": len(group) - len(done), "verdict": "baseline"}
    table = found.relative_improvement
    tests = int(table["p"].notna().sum())
    for row in table.to_dict("records"):
        said[protocol, *(row[name] for name in GROUP)] |= {**row, "tests": tests}
    for frame in (found.results.searches, found.results.trainings):
        for names, seconds in frame.groupby(GROUP)["seconds"].sum().items():
            if (cell := (protocol, *names)) in said:
                said[cell]["seconds"] += seconds
    return said


def summary(found: Analysis) -> str:
    """All methods by their verdicts over all datasets, in a sentence for each verdict."""
    table = found.pooled.sort_values("ri", ascending=False)
    said = [
        f"**{verdict[:1].upper()}{verdict[1:]}**: {', '.join(map(_effect, of.itertuples()))}."
        for verdict, of in table.groupby("verdict")
    ]
    return f"Against random architectures, over all datasets: {' '.join(said)}" if said else ""


def _effect(row: Any) -> str:
    known = "" if math.isnan(row.ri) else f" {_signed(row.ri)}"
    return f"{row.method}{known}" if row.method == row.space else f"{row.method} in {row.space}{known}"


def _signed(ri: float) -> str:
    """ "+0.3%"; zero has no sign."""
    text = f"{ri:+.1f}%"
    return text[1:] if text[1:] == "0.0%" else text


def title(cell: Cell, row: dict[str, Any] | None = None) -> str:
    """ "enas +0.3% ≈: digits/darts, 94.12%". MLflow's column shows the first 18 letters, and the dataset beside it."""
    row = row or {}
    ri, mean = row.get("ri", math.nan), row.get("mean", math.nan)
    effect = "" if math.isnan(ri) else f" {_signed(ri)} {SIGNS.get(row['verdict'], row['verdict'])}"
    return f"{cell[3]}{effect}: {cell[1]}/{cell[2]}" + ("" if math.isnan(mean) else f", {100 * mean:.2f}%")


def note(cell: Cell, row: dict[str, Any]) -> str:
    """The row as a sentence."""
    said = f"**{cell[3]}** in space {cell[2]} on {cell[1]}: test accuracy {_spread(row['mean'], row['std'])}"
    said += f" (n = {row['n_method']}" + (f", {row['failed_method']} failed)" if row["failed_method"] else ")")
    if cell[-1] == RANDOM:
        return f"{said}. Architectures drawn uniformly: what the methods of this space are compared with."
    if math.isnan(row.get("p", math.nan)):
        return f"{said}: {row['verdict']}, more runs are needed on both sides."
    known = not math.isnan(row["ri_low"])
    interval = f"95% interval [{row['ri_low']:+.2f}, {row['ri_high']:+.2f}]" if known else "no interval"
    return (
        f"{said} against {_spread(row['random_mean'], row['random_std'])} of random architectures"
        f" (n = {row['n_random']}). Relative improvement **{row['ri']:+.2f}%**, {interval}, p = {row['p']:.3f};"
        f" corrected over {row['tests']} rows (Holm) p = {row['p_holm']:.3f}: **{row['verdict']}**."
    )


def _spread(mean: float, std: float) -> str:
    if math.isnan(mean):
        return "unknown"
    return f"{100 * mean:.2f}%" + ("" if math.isnan(std) else f" ± {100 * std:.2f}")


class Comparisons:
    """The parent runs of one experiment. Each is ended as soon as it is made: a killed import leaves at most one that
    is RUNNING, which the next one takes over."""

    def __init__(self, client: Client, experiment: str, newest: int = 0) -> None:
        """`newest`: when the last job began, in milliseconds since 1970; parents that are older are made anew, because
        the UI lists the latest 100 runs."""
        self.client, self.experiment = client, experiment
        self.runs: dict[Cell, Run] = {}
        self.doubles: list[Run] = []
        found, page = [], None
        while page != "":
            some = client.search_runs([experiment], f"tags.role = '{ROLE}'", max_results=1000, page_token=page)
            found += some
            page = some.token or ""
        for run in sorted(found, key=lambda run: (run.info.start_time, run.info.run_id)):
            cell = tuple(run.data.tags[axis] for axis in view.CELL)
            if run.info.start_time < newest or self.runs.setdefault(cell, run) is not run:
                self.doubles.append(run)
            elif run.info.status != "FINISHED":
                client.set_terminated(run.info.run_id, "FINISHED")

    def parent(self, record: view.Record) -> str:
        """Id of the run that a record's run hangs below; made where there is none."""
        cell = view.cell(record)
        if cell not in self.runs:
            tags = dict(zip(view.CELL, cell)) | {"role": ROLE, "mlflow.source.name": f"methods/{cell[-1]}.py"}
            now = _now()
            self.runs[cell] = self.client.create_run(self.experiment, now, tags, title(cell))
            self.client.log_inputs(self.runs[cell].info.run_id, view.dataset(record, ROLE))
            self.client.set_terminated(self.runs[cell].info.run_id, "FINISHED", now)
        return self.runs[cell].info.run_id

    def update(self, rows: dict[Cell, dict[str, Any]]) -> None:
        """Writes the rows that have changed."""
        for cell in sorted(rows.keys() & self.runs.keys()):
            row, run = rows[cell], self.runs[cell]
            values = {name: round(unit * float(row[of]), n) for of, (name, unit, n) in METRICS.items() if of in row}
            tags = {"mlflow.note.content": note(cell, row), "verdict": row["verdict"]}
            content = hash_of([tags, title(cell, row), {name: str(value) for name, value in values.items()}])
            if run.data.tags.get(ROW) != content:
                self.client.begin()
                self.client.update_run(run.info.run_id, name=title(cell, row))
                end = run.info.start_time + round(1000 * row["seconds"])  # as if one after the other
                self.client.set_terminated(run.info.run_id, "FINISHED", end)
                self._write(run, values, {**tags, ROW: content})

    def illustrate(self, found: Analysis, artifacts: view.Artifacts) -> None:
        """Puts the table and the forest plot of its dataset beside each parent whose dataset has other numbers now."""
        for dataset, table in found.relative_improvement.groupby("dataset"):
            digest = hash_of(table.astype(str).to_numpy().tolist())
            of = [run for cell, run in self.runs.items() if cell[1] == dataset]
            other = [run for run in of if run.data.tags.get(TABLE) != digest]
            if not other or not (folder := artifacts.comparison(found, str(dataset))):
                continue
            for run in other:
                self.client.begin()
                self.client.log_artifacts(run.info.run_id, folder)
                self.client.set_tag(run.info.run_id, TABLE, digest)

    def _write(self, run: Run, values: dict[str, float], tags: dict[str, str]) -> None:
        from mlflow.entities import Metric, RunTag

        now = _now()  # of values at one step MLflow shows the latest
        known = {name: value for name, value in values.items() if name in run.data.metrics or not math.isnan(value)}
        metrics = [Metric(name, value, now, 0) for name, value in known.items()]
        self.client.log_batch(run.info.run_id, metrics, (), [RunTag(*tag) for tag in tags.items()])


def _now() -> int:
    """In milliseconds since 1970."""
    return round(1000 * time.time())
