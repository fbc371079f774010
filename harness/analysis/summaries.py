"""What the tables say, as data frames: one function a table, numbers only, rows sorted by name."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from harness.analysis import results as frames
from harness.analysis import statistics
from harness.analysis.results import RUN, Results
from harness.plan.jobs import RANDOM

PLACE = ["dataset", "space"]
CELL = [*PLACE, "method"]
IMPROVEMENT = [
    *(*CELL, "cells", "n_method", "n_random", "failed_method", "failed_random"),
    *("mean", "std", "random_mean", "random_std", "ri", "ri_low", "ri_high", "p", "p_holm", "verdict", "runs_needed"),
    *("percentile", "percentile_low", "percentile_high"),
]
DEPTH = [
    *(*CELL, "cells_small", "cells_large", "n", "accuracy_small", "accuracy_large", "gain", "gain_low", "gain_high"),
    *("tau", "tau_low", "tau_high", "tau_of_means"),
    *("ceiling_small", "ceiling_small_low", "ceiling_small_high"),
    *("ceiling_large", "ceiling_large_low", "ceiling_large_high"),
]
ACCURACIES = [*RUN, "cells", "repeat", "main", "status", "accuracy", "parameters", "macs", "arch"]
COSTS = [*CELL, "n", "search_images", "retraining_images", "parameters", "parameters_std", "macs", "macs_std"]
COURSES = [*CELL, "metric", "n", "epochs", "first", "middle", "last", "last_std"]
TIMES = [*CELL, "searches", "search_seconds", "retrainings", "retraining_seconds", "total_seconds"]


def runs(results: Results) -> pd.DataFrame:
    """One row a run: a search together with the training that it is judged by. `status` says why `accuracy` is missing:
    the search failed, the training failed, or "not trained" yet."""
    trained = results.trainings[results.trainings["main"]]
    if not len(results.searches):
        return trained
    searched = results.searches[[*RUN, "status"]].rename(columns={"status": "search"})
    both = trained.merge(searched, on=RUN, how="outer")
    both["search"] = both["search"].fillna("done")  # a training whose search is not among the results
    status = [
        f"search {search}" if search != "done" else trained if isinstance(trained, str) else "not trained"
        for trained, search in zip(both["status"], both["search"])
    ]
    return both.assign(status=status).sort_values(RUN)


def _cells(frame: pd.DataFrame) -> Iterator[tuple[dict[str, str], pd.DataFrame]]:
    for names, group in by_cell(frame).items():
        yield dict(zip(CELL, names)), group


def by_cell(frame: pd.DataFrame) -> dict[tuple[str, str, str], pd.DataFrame]:
    """Its rows by (dataset, space, method)."""
    return dict(iter(frame.groupby(CELL, sort=True)))


def relative_improvement(results: Results) -> pd.DataFrame:
    """One row a method, space and dataset, compared with the random architectures of that space and dataset.

    Accuracies in the units they came in; ri and its interval in percent; Holm over all rows of the table;
    runs_needed is inf for more than 1,000.
    """
    all_runs = runs(results)
    random = dict(iter(all_runs[all_runs["method"] == RANDOM].groupby(PLACE)))
    nobody = all_runs.iloc[:0]
    rows = [
        _compare(cell, group, random.get((cell["dataset"], cell["space"]), nobody))
        for cell, group in _cells(all_runs)
        if cell["method"] != RANDOM
    ]
    for row, corrected in zip(rows, statistics.holm([row["p"] for row in rows])):
        row["p_holm"] = corrected
        row["verdict"] = row.get("verdict") or statistics.verdict(row["ri"], corrected)
    return pd.DataFrame(rows, columns=IMPROVEMENT).astype({"cells": "Int64"})


def _compare(cell: dict[str, str], method: pd.DataFrame, random: pd.DataFrame) -> dict[str, Any]:
    a, b = method["accuracy"].dropna(), random["accuracy"].dropna()
    row: dict[str, Any] = {
        **cell,
        "cells": method["cells"].dropna().max(),
        **{"n_method": len(a), "n_random": len(b)},
        **{"failed_method": len(method) - len(a), "failed_random": len(random) - len(b)},
        **{"mean": a.mean(), "std": a.std(ddof=1), "random_mean": b.mean(), "random_std": b.std(ddof=1)},
        "p": math.nan,
    }
    if not len(a) or not len(b):
        return {**row, "verdict": "no result" if len(b) else "no baseline"}
    low, high = statistics.improvement_interval(a, b, **cell)
    below, above = statistics.percentile_interval(a, b, **cell)
    return {
        **row,
        **{"ri": statistics.relative_improvement(a, b), "ri_low": low, "ri_high": high},
        **{"p": statistics.difference_test(a, b), "runs_needed": statistics.runs_needed(a, b)},
        **{"percentile": statistics.percentile(a, b), "percentile_low": below, "percentile_high": above},
    }


def depth_gap(results: Results) -> pd.DataFrame:
    """One row a method and pair of depths: accuracies of the architectures trained at both, and what depth gained.

    For random architectures also `tau`, the rank agreement of a training at one depth with a training at the other, and
    its ceilings, the agreement of two trainings at the same depth: single trainings all three, so they compare.
    `tau_of_means` ranks by the mean over repeats, which lies higher because averaging removes noise.
    """
    done = results.trainings.dropna(subset=["accuracy", "arch", "cells"])
    rows = []
    for cell, group in _cells(done):
        for small, large in itertools.combinations(sorted(group["cells"].unique()), 2):
            table = group.pivot_table(index="arch", columns=["cells", "repeat"], values="accuracy", sort=True)
            table = table[table[small].notna().any(axis=1) & table[large].notna().any(axis=1)]
            if len(table):
                rows.append(_depth_row({**cell, "cells_small": int(small), "cells_large": int(large)}, table))
    frame = pd.DataFrame(rows, columns=DEPTH)
    return frame.sort_values([*PLACE, "cells_small", "cells_large", "method"], key=_random_first, kind="stable")


def _random_first(column: pd.Series) -> pd.Series:
    return column.replace(RANDOM, "") if column.name == "method" else column


def _depth_row(axes: dict[str, Any], table: pd.DataFrame) -> dict[str, Any]:
    """table: accuracies, one row an architecture, one column a depth and repeat."""
    small, large = (table[axes[depth]].to_numpy(float).T for depth in ("cells_small", "cells_large"))
    mean_small, mean_large = np.nanmean(small, axis=0), np.nanmean(large, axis=0)
    low, high = statistics.mean_interval(mean_large - mean_small, **axes)
    row = {
        **axes,
        "n": len(table),
        **{"accuracy_small": mean_small.mean(), "accuracy_large": mean_large.mean()},
        **{"gain": (mean_large - mean_small).mean(), "gain_low": low, "gain_high": high},
    }
    if axes["method"] != RANDOM:
        return row
    pairs = {
        "tau": itertools.product(small, large),
        "ceiling_small": itertools.combinations(small, 2),
        "ceiling_large": itertools.combinations(large, 2),
    }
    for name, of in pairs.items():
        agreement = statistics.rank_agreement(_known(of), **axes, of=name)
        row |= dict(zip((name, f"{name}_low", f"{name}_high"), agreement))
    return {**row, "tau_of_means": statistics.rank_agreement([(mean_small, mean_large)], **axes)[0]}


def _known(pairs: Iterator[Sequence[np.ndarray]]) -> list[tuple[np.ndarray, np.ndarray]]:
    """The pairs in which enough architectures were trained both times to rank anything."""
    return [(a, b) for a, b in pairs if np.sum(np.isfinite(a) & np.isfinite(b)) >= 3]


def depth_points(results: Results) -> pd.DataFrame:
    """One row an architecture and pair of depths: accuracies in percent, means over repeats."""
    done = frames.in_percent(results.trainings.dropna(subset=["accuracy", "arch", "cells"]))
    means = done.groupby([*CELL, "arch", "cells"])["accuracy"].mean().reset_index()
    both = means.merge(means, on=[*CELL, "arch"], suffixes=("_small", "_large"))
    return both[both["cells_small"] < both["cells_large"]].reset_index(drop=True)


def accuracies(results: Results) -> pd.DataFrame:
    """Every training, failed ones included."""
    return results.trainings[ACCURACIES]


def costs(results: Results) -> pd.DataFrame:
    """Means over the runs of a method: images seen by its search and by one retraining, parameters and MACs of what it
    found. Nothing here depends on the machine."""
    judged = runs(results).dropna(subset=["accuracy"])
    searched = by_cell(results.searches)
    rows = []
    for cell, group in _cells(judged):
        searches = searched.get(tuple(cell.values()), results.searches.iloc[:0])
        counts = {"search_images": searches["images"], "retraining_images": group["images"]}
        counts |= {"parameters": group["parameters"], "macs": group["macs"]}
        row = {**cell, "n": len(group), **{name: values.mean() for name, values in counts.items()}}
        rows.append({**row, "parameters_std": group["parameters"].std(), "macs_std": group["macs"].std()})
    frame = pd.DataFrame(rows, columns=COSTS)
    numbers = frame.columns.difference([*CELL, "n"])
    return (
        frame.dropna(subset=numbers, how="all")
        .astype(dict.fromkeys(numbers, "Float64"))
        .round(0)
        .astype(dict.fromkeys(numbers, "Int64"))
    )


def courses(results: Results) -> pd.DataFrame:
    """How searches went: the mean over n searches of what they logged in the first, the middle and the last epoch."""
    rows = []
    for (*cell, metric), group in results.curves.groupby([*CELL, "metric"], sort=True):
        values = group.groupby("epoch")["value"]
        means, ends = values.mean(), group[group["epoch"] == group["epoch"].max()]["value"]
        row = {**dict(zip(CELL, cell)), "metric": metric, "n": group["seed"].nunique(), "epochs": len(means)}
        first, middle, last = means.iloc[[0, (len(means) - 1) // 2, -1]]
        rows.append({**row, "first": first, "middle": middle, "last": last, "last_std": ends.std()})
    return pd.DataFrame(rows, columns=COURSES)


def run_times(results: Results) -> pd.DataFrame:
    """Seconds of searches and retrainings (means of the finished ones) and of everything together: they depend on the
    machine, so they stay out of every other table."""
    rows = []
    both = [results.searches, results.trainings]
    grouped = [by_cell(frame) for frame in both]
    for cell in sorted(set().union(*grouped)):
        searched, trained = (group.get(cell, frame.iloc[:0]) for group, frame in zip(grouped, both))
        judged = trained[trained["main"] & (trained["status"] == "done")]["seconds"].astype(float)
        finished = searched[searched["status"] == "done"]["seconds"].astype(float)
        row = {**dict(zip(CELL, cell)), "searches": len(finished), "retrainings": len(judged)}
        means = {"search_seconds": finished.mean(), "retraining_seconds": judged.mean()}
        total = searched["seconds"].astype(float).sum() + trained["seconds"].astype(float).sum()
        rows.append({**row, **means, "total_seconds": total})
    return pd.DataFrame(rows, columns=TIMES).query("total_seconds > 0")
