"""Many records, as real ones as there are: those of a published snapshot, again and again under other seeds."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness import records


def copied(source: Iterable[dict[str, Any]], folder: Path, datasets: int = 1, times: int = 1) -> list[Path]:
    """Writes each record so many times for each of so many datasets, every time with a little other accuracy."""
    found, rng, written = list(source), random.Random(0), []
    seeds = 1 + max(record["key"]["seed"] for record in found)
    for dataset, time, record in ((d, t, record) for d in range(datasets) for t in range(times) for record in found):
        record = copy.deepcopy(record)
        key, result = record["key"], record["result"]
        key |= {"dataset": f"{key['dataset']}-{dataset}", "seed": key["seed"] + seeds * time}
        if "test_accuracy" in result:
            result["test_accuracy"] = min(1.0, max(0.0, result["test_accuracy"] + rng.gauss(0, 0.004)))
        record["sha256"] = records.seal(record)
        written.append(folder / str(dataset) / key["method"] / f"{record['kind']}-{key['seed']}.json")
        written[-1].parent.mkdir(parents=True, exist_ok=True)
        written[-1].write_text(json.dumps(record, indent=1, sort_keys=True))
    return written
