"""The tables that a reader sees: CSV, Markdown and LaTeX from records or from a CSV, the same bytes on every call.

What depends on the machine's speed stands in `run_times` alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from harness import frames, statistics, summaries, sums, typeset
from harness.frames import Results
from harness.jobs import RANDOM
from harness.typeset import Table, interval, number, probability

PROVENANCE = ("source", "protocol", "machine", "commit")


def build(
    records: Path | Sequence[Path], out: Path, figures: Path | None = None, caption: Mapping[str, str] | None = None
) -> None:
    """Writes the tables into `out` and the figures into `figures` (`out`/figures by default) from a folder of
    records, a list of them, or a CSV (see `foreign`).

    `caption` adds to, or replaces, what the records say of themselves: source, protocol, machine, commit. UserError
    where the input cannot be trusted; nothing is written then. SHA256SUMS in `out` names the input and all that was
    made of it.
    """
    from harness.figures import draw_all

    results = frames.read(records)
    tables(results, out, caption)
    figures = figures or out / "figures"
    draw_all(results, figures)
    sources = [records] if isinstance(records, Path) else records
    read = [file for source in sources for file in (source.rglob("*.json") if source.is_dir() else [source])]
    made = [file for folder in {out, figures} for file in folder.iterdir() if file.is_file() and file.name != sums.NAME]
    sums.write(out, [*read, *made])


def tables(results: Results, out: Path, caption: Mapping[str, str] | None = None) -> None:
    """Writes every table into the folder `out`; a table without rows says so."""
    made = provenance({**results.about, **(caption or {})})
    improvement, gap = summaries.relative_improvement(results), summaries.depth_gap(results)
    costs, times, every = summaries.costs(results), summaries.run_times(results), summaries.accuracies(results)
    files = {
        "relative_improvement": (improvement, show_improvement(improvement, results, made), True),
        "depth_gap": (gap, show_depth_gap(gap, results, made), True),
        "costs": (costs, show_costs(costs, made), True),
        "run_times": (times, show_times(times, made), False),
        "accuracies": (every, show_accuracies(every, made), False),
    }
    for name, (frame, table, latex) in files.items():
        typeset.write_csv(out / f"{name}.csv", frame)
        typeset.write_markdown(out / f"{name}.md", table)
        typeset.write_html(out / f"{name}.html", table)
        if latex:
            typeset.write_latex(out / f"{name}.tex", table)


def provenance(about: Mapping[str, str]) -> str:
    """ "Protocol laptop-1; machine …; commit 0123456789ab." from what is known."""
    names = [*(name for name in PROVENANCE if name in about), *sorted(set(about) - set(PROVENANCE))]
    said = "; ".join(f"{name} {about[name]}" for name in names)
    said = re.sub(r"\b([0-9a-f]{12})[0-9a-f]{28}\b", r"\1", said)
    return f"{said[0].upper()}{said[1:]}." if said else ""


def _span(counts: pd.Series) -> str:
    low, high = (counts.min(), counts.max()) if len(counts) else (0, 0)
    return f"{low}" if low == high else f"{low} to {high}"


def _of(done: int, failed: int) -> str:
    return f"{done} of {done + failed}" if failed else f"{done}"


def _spread(mean: float, std: float, scale: float) -> str:
    return number(mean * scale) + ("" if pd.isna(std) else f" ± {number(std * scale)}")


def _scales(frame: pd.DataFrame, *columns: str) -> pd.Series:
    """What makes percent of each row's accuracies; a dataset has one unit."""
    largest = frame[list(columns)].max(axis=1).groupby(frame["dataset"]).transform("max")
    return largest.map(lambda value: frames.unit(pd.Series([value])))


def show_improvement(frame: pd.DataFrame, results: Results, made: str) -> Table:
    headers = ["dataset", "space", "method", "n", "random n", "accuracy, %", "random, %"]
    headers += ["RI, %", "95% interval", "p", "p (Holm)", "verdict", "percentile"]
    scales = _scales(frame, "mean", "random_mean")
    rows = [
        [
            *(row.dataset, row.space, row.method),
            *(_of(row.n_method, row.failed_method), _of(row.n_random, row.failed_random)),
            *(_spread(row.mean, row.std, scale), _spread(row.random_mean, row.random_std, scale)),
            *(number(row.ri, sign=True), interval(row.ri_low, row.ri_high, sign=True)),
            *(probability(row.p), probability(row.p_holm), row.verdict, number(row.percentile, 0)),
        ]
        for row, scale in zip(frame.itertuples(), scales)
    ]
    caption = (
        "Relative improvement (RI) over the mean of the random architectures of the same space, trained the same way."
        f" n = {_span(frame['n_method'])} runs a method against {_span(frame['n_random'])} random architectures; mean ±"
        " standard deviation (ddof 1) of the test accuracy. Interval: percentile bootstrap over runs and architectures,"
        f" {statistics.DRAWS:,} draws; narrow for few runs, so the verdict rests on the test: Welch's t, two-sided,"
        f" Holm-corrected over the {frame['p'].notna().sum()} rows that have one, at {statistics.ALPHA}. Percentile: of"
        f" the method's mean among the random architectures. {made}"
    )
    return Table(headers, rows, caption, failures(results))


def failures(results: Results) -> list[str]:
    """A footnote that names every run without an accuracy."""
    runs = summaries.runs(results)
    failed = runs[runs["accuracy"].isna()]
    named = [
        f"{run.method} in {run.space} on {run.dataset}, seed {run.seed} ({run.status})" for run in failed.itertuples()
    ]
    return [f"Left out of means, intervals and tests: {'; '.join(named)}."] if named else []


def show_depth_gap(frame: pd.DataFrame, results: Results, made: str) -> Table:
    headers = ["dataset", "space", "architectures", "n", "cells", "accuracy, %", "gain, points", "95% interval"]
    headers += ["tau", "95% interval", "ceilings", "tau of means"]
    scales = _scales(frame, "accuracy_small", "accuracy_large")
    rows = [
        [
            *(row.dataset, row.space, "random" if row.method == RANDOM else row.method, f"{row.n}"),
            f"{row.cells_small} → {row.cells_large}",
            f"{number(row.accuracy_small * scale)} → {number(row.accuracy_large * scale)}",
            number(row.gain * scale, sign=True),
            interval(row.gain_low * scale, row.gain_high * scale, sign=True),
            *(number(row.tau), interval(row.tau_low, row.tau_high)),
            _ceilings(row),
            number(row.tau_of_means),
        ]
        for row, scale in zip(frame.itertuples(), scales)
    ]
    caption = (
        f"Depth gap, n = {_span(frame['n'])} architectures trained at both numbers of cells. tau: Kendall's rank"
        " agreement of one training at the smaller with one at the larger depth; its ceilings: of two trainings that"
        " differ in the seed alone, at the smaller and at the larger depth. A tau below its ceilings is a gap, a tau at"
        " them is seed noise. Intervals: percentile bootstrap over architectures. Tau of means: of accuracies averaged"
        f" over repeats. {made}"
    )
    return Table(headers, rows, caption, failed_trainings(results))


def failed_trainings(results: Results) -> list[str]:
    """A footnote that names every training of an ablation that failed."""
    failed = results.trainings[~results.trainings["main"] & results.trainings["accuracy"].isna()]
    named = [
        f"{row.method} in {row.space} on {row.dataset}, seed {row.seed}, {row.cells} cells, repeat {row.repeat}"
        f" ({row.status})"
        for row in failed.itertuples()
    ]
    return [f"Left out: {'; '.join(named)}."] if named else []


def _ceilings(row: tuple) -> str:
    parts = [
        f"{number(tau)} {interval(low, high)}".strip()
        for tau, low, high in (
            (row.ceiling_small, row.ceiling_small_low, row.ceiling_small_high),
            (row.ceiling_large, row.ceiling_large_low, row.ceiling_large_high),
        )
    ]
    return "; ".join(parts) if any(part != "–" for part in parts) else "–"


def show_costs(frame: pd.DataFrame, made: str) -> Table:
    headers = ["dataset", "space", "method", "n", "search, images", "retraining, images", "parameters", "MACs"]
    rows = [
        [
            *(row.dataset, row.space, row.method, f"{row.n}"),
            *(_count(row.search_images), _count(row.retraining_images)),
            *(_count(row.parameters, row.parameters_std), _count(row.macs, row.macs_std)),
        ]
        for row in frame.itertuples()
    ]
    caption = (
        "What a search and a retraining cost, and how large the networks are that come of it: means over"
        f" n = {_span(frame['n'])} runs, ± standard deviation (ddof 1). MACs: multiply-adds of convolutions and linear"
        f" layers for one image. {made}"
    )
    return Table(headers, rows, caption)


def _count(mean: float, std: float = pd.NA) -> str:
    return "–" if pd.isna(mean) else f"{mean:,}" + ("" if pd.isna(std) else f" ± {std:,}")


def show_times(frame: pd.DataFrame, made: str) -> Table:
    headers = ["dataset", "space", "method", "searches", "search, s", "retrainings", "retraining, s", "all jobs, s"]
    rows = [
        [
            *(row.dataset, row.space, row.method, f"{row.searches}", number(row.search_seconds, 1)),
            *(f"{row.retrainings}", number(row.retraining_seconds, 1), number(row.total_seconds, 1)),
        ]
        for row in frame.itertuples()
    ]
    caption = f"Run times in seconds: means of finished searches and retrainings, and the sum over all jobs. {made}"
    return Table(headers, rows, caption)


def show_accuracies(frame: pd.DataFrame, made: str) -> Table:
    headers = ["dataset", "space", "method", "cells", "n", "test accuracy by seed, %"]
    done = frame.dropna(subset=["accuracy"]).assign(cells=lambda done: done["cells"].fillna(0))
    shown = done.assign(text=frames.in_percent(done)["accuracy"].map(number))
    rows = [
        [*names, f"{cells or '–'}", f"{len(group)}", ", ".join(group["text"])]
        for (*names, cells), group in shown.groupby(["dataset", "space", "method", "cells"])
    ]
    return Table(headers, rows, f"All {len(done)} finished trainings. {made}", labels=4)
