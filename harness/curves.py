"""Curves: what is logged an epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Curves:
    """Numbers logged an epoch, as columns: {"epoch": [0, 1], "loss": [2.3, 1.9]}."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def log(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Adds numbers to the row of an epoch."""
        if not self.rows or self.rows[-1]["epoch"] != epoch:
            self.rows.append({"epoch": epoch})
        self.rows[-1].update({name: float(value) for name, value in metrics.items()})

    def columns(self) -> dict[str, list[float | None]]:
        names = dict.fromkeys(name for row in self.rows for name in row)
        return {name: [row.get(name) for row in self.rows] for name in names}

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.rows = state["rows"]
