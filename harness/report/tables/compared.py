"""The tables that answer the reader's question, is a method better than random, as they are laid out and explained."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from harness.analysis import ranking, statistics, summaries
from harness.analysis import results as frames
from harness.analysis.results import Results
from harness.report.typeset import Table, estimate, interval, number, probability

SAID = {"not distinguishable": "≈"}
"""Verdicts that a cell of the table of verdicts abbreviates."""


def span(counts: pd.Series) -> str:
    """ "3", or "6 to 8", as captions give n."""
    low, high = (counts.min(), counts.max()) if len(counts) else (0, 0)
    return f"{low}" if low == high else f"{low} to {high}"


def _of(done: int, failed: int) -> str:
    return f"{done} of {done + failed}" if failed else f"{done}"


def spread(mean: float, std: float, scale: float) -> str:
    return number(mean * scale) + ("" if pd.isna(std) else f" ± {number(std * scale)}")


def scales(frame: pd.DataFrame, *columns: str) -> pd.Series:
    """What makes percent of each row's accuracies; a dataset has one unit."""
    largest = frame[list(columns)].max(axis=1).groupby(frame["dataset"]).transform("max")
    return largest.map(lambda value: frames.unit(pd.Series([value])))


def verdicts(frame: pd.DataFrame) -> pd.DataFrame:
    """The table of verdicts for programs: a row a method and space, four columns a dataset."""
    columns = {"ri": "", "ri_low": " low", "ri_high": " high", "verdict": " verdict"}
    wide = frame.pivot(index=["method", "space"], columns="dataset", values=list(columns))
    order = [(name, dataset) for dataset in wide.columns.unique("dataset") for name in columns]
    wide = wide[order].set_axis([f"{dataset}{columns[name]}" for name, dataset in order], axis=1)
    return wide.apply(lambda column: column if "verdict" in column.name else column.astype(float)).reset_index()


def show_verdicts(frame: pd.DataFrame, results: Results, made: str) -> Table:
    """A row a method and space, a column a dataset: RI, interval, verdict."""
    cells = {(row.method, row.space, row.dataset): _verdict(row) for row in frame.itertuples()}
    datasets = sorted(set(frame["dataset"]))
    rows = [
        [method, space, *(cells.get((method, space, dataset), "–") for dataset in datasets)]
        for method, space in sorted({key[:2] for key in cells})
    ]
    caption = (
        "Is a method better than the average random architecture of its own space? Relative improvement (RI) in percent"
        " of the random architectures' mean test accuracy, with its 95% bootstrap interval and the verdict: better or"
        f" worse where Welch's test, Holm-corrected over all {frame['p'].notna().sum()} tested cells, gives"
        f" p < {statistics.ALPHA}; ≈ where method and random cannot be told apart, whatever the interval says: it is"
        f" narrow for few runs.{_untested(frame)} n = {span(frame['n_method'])} runs a method against"
        f" {span(frame['n_random'])} random architectures. {made}"
    )
    return Table(["method", "space", *datasets], rows, caption, failures(results), labels=2)


def _untested(frame: pd.DataFrame) -> str:
    """What a single run lacks, where there is one."""
    return " No interval: one run has neither an interval nor a test." if "no interval" in set(frame["verdict"]) else ""


def _verdict(row: Any) -> str:
    said = SAID.get(row.verdict, row.verdict)
    if pd.isna(row.ri):
        return said
    return f"{number(row.ri, sign=True)} {said}\n{interval(row.ri_low, row.ri_high, sign=True)}".strip()


def show_improvement(frame: pd.DataFrame, results: Results, made: str) -> Table:
    headers = ["dataset", "space", "method", "RI, %\n[95% interval]", "verdict\n(p, Holm)", "runs for\n80% power"]
    headers += ["n vs\nrandom", "accuracy, % vs\nrandom", "percentile\n[95% interval]"]
    rows = [
        [
            *(row.dataset, row.space, row.method),
            estimate(row.ri, row.ri_low, row.ri_high, sign=True),
            row.verdict + ("" if pd.isna(row.p_holm) else f"\n(p {probability(row.p_holm)})"),
            _runs(row.runs_needed),
            f"{_of(row.n_method, row.failed_method)} vs\n{_of(row.n_random, row.failed_random)}",
            f"{spread(row.mean, row.std, scale)} vs\n{spread(row.random_mean, row.random_std, scale)}",
            estimate(row.percentile, row.percentile_low, row.percentile_high, 0),
        ]
        for row, scale in zip(frame.itertuples(), scales(frame, "mean", "random_mean"))
    ]
    caption = (
        "Relative improvement (RI) over the mean of the random architectures of the same space, trained the same way."
        f" n = {span(frame['n_method'])} runs a method against {span(frame['n_random'])} random architectures; mean ±"
        " standard deviation (ddof 1) of the test accuracy. Intervals: percentile bootstrap over runs and random"
        f" architectures, {statistics.DRAWS:,} draws; narrow for few runs, so the verdict rests on the test: Welch's t,"
        f" two-sided, Holm-corrected over the {frame['p'].notna().sum()} rows that have one, at {statistics.ALPHA}."
        f"{_untested(frame)}"
        " Runs for 80% power: of the method, and as many random architectures, that would tell this RI from 0 in one"
        " test at 0.05, were the means and spreads seen here the true ones. Percentile: of the method's runs among the"
        f" random architectures, 50 for random draws. {made}"
    )
    return Table(headers, rows, caption, failures(results))


def _runs(needed: float) -> str:
    if pd.isna(needed):
        return "–"
    return f">{statistics.MOST_RUNS:,}" if math.isinf(needed) else f"{needed:.0f}"


def failures(results: Results) -> list[str]:
    """A footnote that names every run without an accuracy."""
    runs = summaries.runs(results)
    failed = runs[runs["accuracy"].isna()]
    named = [
        f"{run.method} in {run.space} on {run.dataset}, seed {run.seed} ({run.status})" for run in failed.itertuples()
    ]
    return [f"Left out of means, intervals and tests: {'; '.join(named)}."] if named else []


def show_ranking(frame: pd.DataFrame, improvement: pd.DataFrame, made: str) -> Table:
    rows = [
        [
            *(row.method, row.space, f"{row.datasets}", estimate(row.rank, row.rank_low, row.rank_high)),
            probability(row.p_random),
        ]
        for row in frame.itertuples()
    ]
    tests = "One dataset has ranks, but no interval and no test."
    if len(frame) and frame["datasets"].max() > 1:
        tests = (
            f"Friedman's test that all rank alike: p = {probability(frame['p_friedman'].iloc[0])}. Two average ranks"
            f" can be told apart at 0.05 where they differ by more than {number(frame['difference'].iloc[0])}"
            " (Nemenyi's critical difference); p: of the difference from random sampling, corrected for all pairs."
        )
    caption = (
        f"Average rank over n = {span(frame['datasets'])} datasets, 1 is best. Methods are ranked by their RI, so each"
        " against the random architectures of its own space; random sampling is RI 0 by definition. Interval: 95%"
        f" percentile bootstrap over datasets, narrow for few. {tests} {made}"
    )
    counted = set(ranking.complete(improvement).index)
    left = sorted(set(improvement["dataset"]) - counted)
    notes = [f"Left out, because a method has no RI there: {', '.join(left)}."] if left else []
    return Table(["method", "space", "datasets", "rank\n[95% interval]", "p"], rows, caption, notes, labels=2)


def show_cost_matched(frame: pd.DataFrame, made: str) -> Table:
    headers = ["dataset", "space", "method", "n", "random\nn", "k", "accuracy, %", "best of k, %\n[95% interval]"]
    headers += ["gain, %\n[95% interval]"]
    rows = [
        [
            *(row.dataset, row.space, row.method, f"{row.n_method}", f"{row.n_random}", f"{row.k:,}"),
            number(row.mean * scale),
            estimate(*(scale * value for value in (row.best_random, row.best_low, row.best_high))),
            estimate(row.gain, row.gain_low, row.gain_high, sign=True),
        ]
        for row, scale in zip(frame.itertuples(), scales(frame, "mean", "best_random"))
    ]
    short = "; where k exceeds the number of random architectures, the best of all of them, which is too low"
    caption = (
        "A method's mean test accuracy against the best of k random architectures, as many as its search would have"
        " trained: k = images seen by the search / images seen by one retraining, rounded down, at least 1. Best of k:"
        " expected maximum over all draws of k from the random architectures"
        f"{short if (frame['k'] > frame['n_random']).any() else ''}. The maximum is taken over test accuracies, so it"
        " is what random search would reach with a perfect selector, an upper bound. Gain: in percent of it."
        f" n = {span(frame['n_method'])} runs a method, {span(frame['n_random'])} random architectures. Intervals: 95%"
        f" percentile bootstrap over both. {made}"
    )
    return Table(headers, rows, caption)
