"""Runs: a search together with the training that it is judged by."""

from __future__ import annotations

import pandas as pd

from harness.analysis.columns import RUN
from harness.analysis.results import in_percent


def runs(trainings: pd.DataFrame, searches: pd.DataFrame) -> pd.DataFrame:
    """One row per run, the columns of a training. `status` says why `accuracy` is missing: the search failed, the
    training failed, or "not trained" yet."""
    trained = trainings[trainings["main"]]
    if not len(searches):
        return trained
    searched = searches[[*RUN, "status"]].rename(columns={"status": "search"})
    both = trained.merge(searched, on=RUN, how="outer")
    both["search"] = both["search"].fillna("done")  # a training whose search is not among the results
    status = [
        f"search {search}" if search != "done" else trained if isinstance(trained, str) else "not trained"
        for trained, search in zip(both["status"], both["search"])
    ]
    return both.assign(status=status).sort_values(RUN)


def finished_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs that have an accuracy, with accuracies in percent."""
    return in_percent(runs.dropna(subset=["accuracy"]))
