"""Curves: what is logged an epoch; and the end of a job whose numbers are no numbers any more."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


class Diverged(Exception):
    """A number that was logged is infinite or not a number. `curves`: the columns so far, this epoch included."""

    def __init__(self, reason: str, curves: dict[str, list[float | None]]):
        super().__init__(reason)
        self.curves = curves


class Curves:
    """Numbers logged an epoch, as columns: {"epoch": [0, 1], "loss": [2.3, 1.9]}."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def log(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Adds numbers to the row of an epoch, and prints them: a job's log shows how far it is."""
        if not self.rows or self.rows[-1]["epoch"] != epoch:
            self.rows.append({"epoch": epoch})
        self.rows[-1].update({name: float(value) for name, value in metrics.items()})
        print(f"epoch {epoch}:", ", ".join(f"{name} {value:.4g}" for name, value in metrics.items()), flush=True)
        for name, value in metrics.items():
            if not math.isfinite(value):
                raise Diverged(f"{name} is {value} in epoch {epoch}", self.columns())

    def columns(self) -> dict[str, list[float | None]]:
        names = dict.fromkeys(name for row in self.rows for name in row)
        return {name: [row.get(name) for row in self.rows] for name in names}

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.rows = state["rows"]
