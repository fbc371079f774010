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

    from harness.tracking.store import Client

Cell = tuple[str, ...]
ROLE = "comparison"
METRICS = {  # the tables' column -> the metric, and the decimals that MLflow's narrow columns have room for
    "ri": ("RI", 2),
    "ri_low": ("RI_low", 2),
    "ri_high": ("RI_high", 2),
    "p": ("p", 4),
    "p_holm": ("p_holm", 4),
    "mean": ("test_accuracy", 4),
    "std": ("test_accuracy_std", 4),
    "random_mean": ("random_accuracy", 4),
    "percentile": ("percentile", 0),
    "n_method": ("n", 0),
    "failed_method": ("n_failed", 0),
    "n_random": ("random_n", 0),
}


def rows(paths: Iterable[Path], protocol: str) -> dict[Cell, dict[str, Any]]:
    """By (protocol, dataset, space, method): the rows of the table of relative improvements, and the means of the
    random baselines."""
    from harness.analysis.analysis import Analysis
    from harness.analysis.columns import GROUP, by_group
    from harness.analysis.results import read_results

    analysis = Analysis(read_results(sorted(paths)))
    found: dict[Cell, dict[str, Any]] = {}
    for names, group in by_group(analysis.runs).items():
        done = group["accuracy"].dropna()
        row = {"mean": done.mean(), "std": done.std(ddof=1), "n_method": len(done)}
        found[protocol, *names] = {**row, "failed_method": len(group) - len(done), "verdict": "baseline"}
    table = analysis.relative_improvement
    tests = int(table["p"].notna().sum())
    for row in table.to_dict("records"):
        found[protocol, *(row[name] for name in GROUP)] |= {**row, "tests": tests}
    return found


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

    def __init__(self, client: Client, experiment: str) -> None:
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
            if self.runs.setdefault(cell, run) is not run:
                self.doubles.append(run)
            elif run.info.status != "FINISHED":
                client.set_terminated(run.info.run_id, "FINISHED")

    def parent(self, record: view.Record) -> str:
        """Id of the run that a record's run hangs below; made where there is none."""
        cell = view.cell(record)
        if cell not in self.runs:
            tags = dict(zip(view.CELL, cell)) | {"role": ROLE, "mlflow.source.name": f"methods/{cell[-1]}.py"}
            now = round(1000 * time.time())  # later than its jobs: the UI lists the latest 100 runs, parents first
            self.runs[cell] = self.client.create_run(self.experiment, now, tags, view.cell_title(cell))
            self.client.log_inputs(self.runs[cell].info.run_id, view.dataset(record, ROLE))
            self.client.set_terminated(self.runs[cell].info.run_id, "FINISHED", now)
        return self.runs[cell].info.run_id

    def update(self, rows: dict[Cell, dict[str, Any]]) -> None:
        """Writes the rows that have changed."""
        for cell in sorted(rows.keys() & self.runs.keys()):
            row = rows[cell]
            values = {name: round(float(row[column]), n) for column, (name, n) in METRICS.items() if column in row}
            tags = {"mlflow.note.content": note(cell, row), "verdict": row["verdict"]}
            tags["content"] = hash_of([tags, {name: str(value) for name, value in values.items()}])
            if self.runs[cell].data.tags.get("content") != tags["content"]:
                self.client.begin()
                self._write(self.runs[cell], values, tags)

    def _write(self, run: Run, values: dict[str, float], tags: dict[str, str]) -> None:
        from mlflow.entities import Metric, RunTag

        now = round(1000 * time.time())  # of values at one step MLflow shows the latest
        known = {name: value for name, value in values.items() if name in run.data.metrics or not math.isnan(value)}
        metrics = [Metric(name, value, now, 0) for name, value in known.items()]
        self.client.log_batch(run.info.run_id, metrics, (), [RunTag(*tag) for tag in tags.items()])
