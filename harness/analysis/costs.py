"""What searches and retrainings cost, and how large the networks are that were found."""

from __future__ import annotations

import pandas as pd

from harness.analysis.columns import GROUP, by_group

COSTS = [*GROUP, "n", "search_images", "retraining_images", "parameters", "parameters_std", "macs", "macs_std"]


def costs(runs: pd.DataFrame, searches: pd.DataFrame) -> pd.DataFrame:
    """One row per method, space and dataset: means over its n finished runs of the images seen by the search and by one
    retraining, and of the parameters and MACs of what was found. Nothing here depends on the machine."""
    searched = by_group(searches)
    rows = []
    for names, group in by_group(runs.dropna(subset=["accuracy"])).items():
        counts = {"search_images": searched.get(names, searches.iloc[:0])["images"]}
        counts |= {"retraining_images": group["images"], "parameters": group["parameters"], "macs": group["macs"]}
        means = {name: values.mean() for name, values in counts.items()}
        spreads = {"parameters_std": group["parameters"].std(), "macs_std": group["macs"].std()}
        rows.append({**dict(zip(GROUP, names)), "n": len(group), **means, **spreads})
    frame = pd.DataFrame(rows, columns=COSTS)
    numbers = frame.columns.difference([*GROUP, "n"])
    known = frame.dropna(subset=numbers, how="all").astype(dict.fromkeys(numbers, "Float64"))
    return known.round(0).astype(dict.fromkeys(numbers, "Int64"))
