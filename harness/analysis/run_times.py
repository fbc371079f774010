"""How long searches and retrainings took."""

from __future__ import annotations

import pandas as pd

from harness.analysis.columns import GROUP, by_group

TIMES = [*GROUP, "searches", "search_seconds", "retrainings", "retraining_seconds", "total_seconds"]


def run_times(searches: pd.DataFrame, trainings: pd.DataFrame) -> pd.DataFrame:
    """One row per method, space and dataset: seconds of a search and a retraining (means of the finished ones) and of
    all jobs together. They depend on the machine, so no other table has them."""
    rows = []
    searches_of, trainings_of = by_group(searches), by_group(trainings)
    for names in sorted({*searches_of, *trainings_of}):
        searched, trained = searches_of.get(names, searches.iloc[:0]), trainings_of.get(names, trainings.iloc[:0])
        judged = trained[trained["main"] & (trained["status"] == "done")]["seconds"].astype(float)
        finished = searched[searched["status"] == "done"]["seconds"].astype(float)
        row = {**dict(zip(GROUP, names)), "searches": len(finished), "retrainings": len(judged)}
        means = {"search_seconds": finished.mean(), "retraining_seconds": judged.mean()}
        total = searched["seconds"].astype(float).sum() + trained["seconds"].astype(float).sum()
        rows.append({**row, **means, "total_seconds": total})
    return pd.DataFrame(rows, columns=TIMES).query("total_seconds > 0")
