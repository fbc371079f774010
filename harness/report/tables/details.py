"""The tables behind the findings, as they are laid out and explained: depth, spread, cost, time, every accuracy."""

from __future__ import annotations

import pandas as pd

from harness.analysis import results as frames
from harness.analysis.results import Results
from harness.plan.jobs import RANDOM
from harness.report.tables.compared import scales, span
from harness.report.typeset import Table, estimate, interval, number


def show_depth_gap(frame: pd.DataFrame, results: Results, made: str) -> Table:
    headers = ["dataset", "space", "architectures", "n", "cells", "accuracy, %"]
    headers += ["gain, points\n[95% interval]", "tau\n[95% interval]", "ceilings\n[95% interval]", "tau\nof means"]
    rows = [
        [
            *(row.dataset, row.space, "random" if row.method == RANDOM else row.method, f"{row.n}"),
            f"{row.cells_small} → {row.cells_large}",
            f"{number(row.accuracy_small * scale)} → {number(row.accuracy_large * scale)}",
            estimate(*(scale * value for value in (row.gain, row.gain_low, row.gain_high)), sign=True),
            estimate(row.tau, row.tau_low, row.tau_high),
            _ceilings(row),
            number(row.tau_of_means),
        ]
        for row, scale in zip(frame.itertuples(), scales(frame, "accuracy_small", "accuracy_large"))
    ]
    caption = (
        f"Depth gap, n = {span(frame['n'])} architectures trained at both numbers of cells. tau: Kendall's rank"
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
    return ";\n".join(parts) if any(part != "–" for part in parts) else "–"


def show_variance(frame: pd.DataFrame, made: str) -> Table:
    headers = ["dataset", "space", "method", "cells", "component", "n", "deviation,\npoints", "share, %"]
    rows = [
        [
            *(row.dataset, row.space, row.method, "–" if pd.isna(row.cells) else f"{row.cells}", row.component),
            *(f"{row.n}", number(row.deviation) + (" (negative)" if row.negative else ""), number(100 * row.share, 0)),
        ]
        for row in frame.itertuples()
    ]
    caption = (
        "Where the spread of test accuracies comes from: standard deviation of each component in points, and its share"
        " of the variance. Nested random effects (architectures within datasets, training seeds within"
        " architectures), method of moments (Henderson's method 1). n: datasets, architectures or trainings. Training"
        " seed: all that differs between two trainings of one architecture; where nothing was trained twice, it cannot"
        " be told from the architecture, and one row holds both. A method's architectures are what its searches found."
        f" Few groups make rough estimates. {made}"
    )
    notes = ["Negative: the estimate was below 0 and is set to 0."] if frame["negative"].any() else []
    return Table(headers, rows, caption, notes, labels=5)


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
        f" n = {span(frame['n'])} runs, ± standard deviation (ddof 1). MACs: multiply-adds of convolutions and linear"
        f" layers for one image. {made}"
    )
    return Table(headers, rows, caption)


def _count(mean: float, std: float = pd.NA) -> str:
    return "–" if pd.isna(mean) else f"{mean:,}" + ("" if pd.isna(std) else f" ± {std:,}")


SCHEDULED = {"lr", "temperature", "train_loss", "val_loss"}
"""What no reader of a search's course looks for: set by rule, or an accuracy in other words. The CSV has it all."""


def show_courses(frame: pd.DataFrame, made: str) -> Table:
    headers = ["dataset", "space", "method", "what", "n", "epochs", "first epoch", "middle", "last epoch"]
    rows = [
        [
            *(row.dataset, row.space, row.method, row.metric.replace("_", " "), f"{row.n}", f"{row.epochs}"),
            *(number(row.first), number(row.middle)),
            number(row.last) + ("" if pd.isna(row.last_std) else f" ± {number(row.last_std)}"),
        ]
        for row in frame[~frame["metric"].isin(SCHEDULED)].itertuples()
    ]
    caption = (
        f"How the searches went: means over n = {span(frame['n'])} searches of what they logged, ± standard deviation"
        " (ddof 1). Accuracies, from 0 to 1, are those of the weight-sharing network. An entropy (nats) that stays, a"
        f" share of gates that stays at 1, are decisions that were not taken. {made}"
    )
    return Table(headers, rows, caption, labels=4)


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
        [*names, f"{cells or '–'}", f"{len(group)}", _listed(group["text"])]
        for (*names, cells), group in shown.groupby(["dataset", "space", "method", "cells"])
    ]
    return Table(headers, rows, f"All {len(done)} finished trainings. {made}", labels=4)


def _listed(texts: pd.Series) -> str:
    """Six a line."""
    return ",\n".join(", ".join(texts[i : i + 6]) for i in range(0, len(texts), 6))
