"""DARTS-ES: a search ends when the dominant eigenvalue grows, with what it had found before (RobustDARTS, utils.py)."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from spaces.base import Arch


@dataclass
class EigenvalueWatch:
    """The eigenvalues of all epochs so far, and the architectures that would have been derived after them."""

    window: int  # epochs that a mean covers
    lag: int  # epochs between the two means that are compared
    start: int  # no architecture of an earlier epoch (from 0) is returned
    factor: float  # growth at which the search ends
    eigenvalues: list[float] = field(default_factory=list)
    archs: list[Arch] = field(default_factory=list)

    def see(self, eigenvalue: float, arch: Arch) -> None:
        """Adds an epoch."""
        self.eigenvalues.append(eigenvalue)
        self.archs.append(arch)

    def verdict(self) -> Arch | None:
        """None while the search goes on. It ends when the mean of the last `window` eigenvalues is more than `factor`
        times the mean `lag` epochs before, with the architecture from the middle of that earlier window."""
        now = len(self.eigenvalues)
        before = now - self.lag
        middle = before - 1 - self.window // 2
        if before < self.window or middle < self.start:
            return None
        last, earlier = (fmean(self.eigenvalues[end - self.window : end]) for end in (now, before))
        return self.archs[middle] if last > self.factor * earlier else None

    def state_dict(self) -> dict[str, Any]:
        return {"eigenvalues": self.eigenvalues, "archs": self.archs}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.eigenvalues, self.archs = list(state["eigenvalues"]), [tuple(arch) for arch in state["archs"]]
