"""Is there more in a find of Single-Path NAS than its depth? For each, a random architecture that skips as many layers.

    python -m benchmarks.matched results/published/replicate-2026-11-30/tables/accuracies.csv config/as_deep_as_finds

Writes one file per dataset, one architecture a line. The layers that are skipped are drawn uniformly from those that
can be, and the others' options uniformly: each line is a uniform draw from the architectures of the space that skip as
many layers. config/depth.yaml trains them."""

from __future__ import annotations

import csv
import random
import sys
from collections import defaultdict
from pathlib import Path

from spaces.single_path.space import SinglePath

METHOD, SKIP = "single_path", "skip"


def matched(table: Path) -> dict[str, list[str]]:
    """Per dataset of a published table `accuracies`, one architecture for each find, by seed."""
    drawn = defaultdict(list)
    with table.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["method"] == METHOD and row["main"] == "True"]
    for row in sorted(rows, key=lambda row: (row["dataset"], int(row["seed"]))):
        rng = random.Random(f"matched,{row['dataset']},{row['seed']}")
        drawn[row["dataset"]].append(as_deep(row["arch"].split(",").count(SKIP), rng))
    return dict(drawn)


def as_deep(skips: int, rng: random.Random) -> str:
    """A uniform draw from the architectures that skip so many layers."""
    space = SinglePath()
    options = [[name for name in names if name != SKIP] for names in space.candidates]
    skipped = rng.sample([layer for layer, names in enumerate(space.candidates) if SKIP in names], skips)
    return space.write(tuple(SKIP if layer in skipped else rng.choice(names) for layer, names in enumerate(options)))


if __name__ == "__main__":
    table, into = map(Path, sys.argv[1:])
    into.mkdir(exist_ok=True)
    for dataset, archs in matched(table).items():
        (into / f"{dataset}.txt").write_text("\n".join(archs) + "\n", encoding="utf-8")
