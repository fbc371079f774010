"""The costs of a space's options: counted, or read from a latency table. Imports no torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

from spaces.base import Size, Space, UserError

Costs = tuple[float, list[list[float]]]
"""(constant, cost of each option at each decision), as `Space.costs` gives them."""

THOUSAND = 1e3


def check_metric(method: str, metric: str, table: bool = False) -> None:
    """UserError where a method is asked for a metric that `option_costs` does not know. table: whether the method can
    read a latency table instead."""
    if metric not in ("macs", "parameters"):
        known = "macs, parameters, or give a latency_table" if table else "macs or parameters"
        raise UserError(f"{method}: unknown cost {metric!r}; use {known}")


def option_costs(space: Space, size: Size, metric: str, latency_table: str | None = None) -> Costs:
    """The costs of a space at a size: in thousand multiply-adds (`metric` "macs") or thousand parameters
    ("parameters"); from a latency table, given by its path, in microseconds. UserError where the table is missing or
    does not fit."""
    if latency_table is not None:
        return _latencies(space, size, latency_table)
    constant, table = _counted(space, size, metric)
    return constant / THOUSAND, [[cost / THOUSAND for cost in row] for row in table]


def path_cost(costs: Costs, chosen: Sequence[int]) -> float:
    """The cost of the architecture that chooses these options, one a decision."""
    constant, table = costs
    return constant + sum(row[option] for row, option in zip(table, chosen))


def mean_cost(costs: Costs) -> float:
    """The mean cost of all architectures, one option a decision."""
    constant, table = costs
    return constant + sum(map(fmean, table))


@cache
def _counted(space: Space, size: Size, metric: str) -> Costs:
    """Cached: about a hundred blocks are built to be counted, which takes as long as several steps of a small
    search."""
    return space.costs(size, metric)


def read_latency_table(path: str) -> dict[str, Any]:
    """A latency table: a JSON object with "machine" (its name), "channels" and "image" (the size that was measured),
    "constant" (the time outside the searchable layers) and "options" (a list per layer with the time of each option),
    times in microseconds. UserError where the file cannot be read or lacks one of them."""
    try:
        table = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"latency table {path}: {error.strerror}; measure one first") from None
    except ValueError as error:
        raise UserError(f"latency table {path} is no JSON: {error}") from None
    missing = {"machine", "channels", "image", "constant", "options"} - (
        set(table) if isinstance(table, dict) else set()
    )
    if missing:
        raise UserError(f"latency table {path} lacks {', '.join(sorted(missing))}; measure it again")
    return table


def _latencies(space: Space, size: Size, path: str) -> Costs:
    table = read_latency_table(path)
    if (table["channels"], table["image"]) != (size.channels, size.image):
        raise UserError(
            f"latency table {path} is for {table['channels']} channels and {table['image']} pixels, "
            f"the search runs at {size.channels} and {size.image}: measure it at that size"
        )
    rows = table["options"]
    if not isinstance(rows, list) or [len(row) if isinstance(row, list) else 0 for row in rows] != list(space.choices):
        raise UserError(f"latency table {path}: options must be {len(space.choices)} lists, with one cost per option")
    values = [table["constant"], *(cost for row in rows for cost in row)]
    if not all(type(cost) in (int, float) and 0 <= cost < float("inf") for cost in values):
        raise UserError(f"latency table {path}: every cost must be a number of microseconds, 0 or more")
    return float(table["constant"]), [[float(cost) for cost in row] for row in rows]
