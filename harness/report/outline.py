"""What tables/ and figures/ hold, and where the report shows it: by number, so the order is ours."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

Contents = dict[str, dict[str, str]]
"""Heading -> title -> file, below the folder of results and without its suffix."""

CAPTIONS = Path(__file__).with_name("captions")


def contents(spaces: Iterable[str]) -> Contents:
    """Of the report of a benchmark that searches these spaces."""
    return {
        "1 Better than random?": {
            "verdicts": "tables/verdicts",
            "forest plot": "figures/ri",
            "relative improvement, table": "tables/relative_improvement",
        },
        "2 Among random architectures": {"every run": "figures/random_distribution"},
        "3 Depth gap": {
            "agreement of depths and its ceiling": "figures/depth_gap",
            "every architecture at two depths": "figures/depth_points",
            "depth gap, table": "tables/depth_gap",
        },
        "4 Cost and gain": {
            "search cost against gain": "figures/cost_gain",
            "against random search of equal cost": "figures/cost_matched",
            "equal cost, table": "tables/cost_matched",
            "accuracy against multiply-adds": "figures/accuracy_macs",
            "costs, table": "tables/costs",
        },
        "5 Search curves": {
            "validation accuracy by epoch": "figures/search_curves",
            "what searches logged, table": "tables/courses",
        },
        "6 Found architectures": {f"space {space}": gallery(space) for space in sorted(set(spaces))},
        "7 Across datasets": {
            "critical differences": "figures/critical_difference",
            "ranking, table": "tables/ranking",
            "sources of variance, table": "tables/variance",
        },
        "8 Protocol and versions": {"protocol and versions": "tables/protocol"},
        "9 Run times, all accuracies": {"run times": "tables/run_times", "all accuracies": "tables/accuracies"},
    }


def gallery(space: str) -> str:
    """The picture of what a space's searches found; a foreign space may have any name."""
    return f"figures/architectures_{re.sub(r'[^A-Za-z0-9_.-]+', '-', space)}"


def caption(file: str) -> Path:
    """The text beside a result; of the galleries there is one."""
    name = Path(file).name
    return CAPTIONS / f"{'architectures' if name.startswith('architectures_') else name}.rst"
