"""Searches by evaluations as they go: what the best by validation so far is worth, against what was spent."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from harness.analysis.columns import GROUP, RUN, by_group
from harness.analysis.statistics import mean_interval
from harness.plan.jobs import RANDOM
from protocols.tables.parts.random_search import steps

PROGRESS = [*RUN, "evaluations", "judged", "accuracy", "regret", "random_search", "made"]
ANYTIME = [*GROUP, "judged", "evaluations", "n", "mean", "low", "high", "random_search", "regret"]
Record = Mapping[str, Any]


def progress(searches: Iterable[Record], trainings: Iterable[Record]) -> Iterator[dict[str, Any]]:
    """One row per search and improvement: after how many evaluations, and the accuracy of the best by validation from
    then on. `judged`: "test" where a table knows the test accuracy of each, else "validation". `random_search`: the
    exact expectation of random search, by evaluations."""
    judged = {_run(record): record["result"] for record in trainings if record["key"]["main"]}
    for record in searches:
        curves, lookups = record["curves"], judged.get(_run(record), {})
        if "incumbents" not in record["result"] or record["key"]["method"] == RANDOM:
            continue
        found = [(n, value) for n, value in zip(curves["epoch"], curves["validation"]) if value is not None]
        tests = lookups.get("incumbents")
        expected = {int(n): value for n, value in lookups.get("random_search", {}).items()}
        for i, (n, validation) in enumerate(found):
            accuracy = validation if tests is None else tests[i]
            row = {**record["key"], "evaluations": n, "judged": "validation" if tests is None else "test"}
            row |= {"accuracy": accuracy, "regret": lookups.get("optimum", math.nan) - accuracy}
            yield {**row, "random_search": expected, "made": record["result"]["evaluations"]}


def _run(record: Record) -> tuple[Any, ...]:
    return tuple(record["key"][name] for name in RUN)


def anytime(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per method, space, dataset and number of evaluations 1, 2, 5, 10 …: the mean over n searches of the
    accuracy of the best so far, with its 95% bootstrap interval; the expectation of random search; the mean regret to
    the table's optimum."""
    found = []
    for names, group in by_group(rows).items():
        ordered, searches = group.sort_values("seed", kind="stable"), group["seed"].nunique()
        for n in steps(int(group["made"].max())):
            last = ordered[ordered["evaluations"] <= n].drop_duplicates("seed", keep="last")
            low, high = mean_interval(last["accuracy"], **dict(zip(GROUP, names)), evaluations=n)
            row = {**dict(zip(GROUP, names)), "judged": group["judged"].iloc[0], "evaluations": n, "n": searches}
            row |= {"mean": last["accuracy"].mean(), "low": low, "high": high, "regret": last["regret"].mean()}
            found.append({**row, "random_search": group["random_search"].iloc[0].get(n, math.nan)})
    return pd.DataFrame(found, columns=ANYTIME)
