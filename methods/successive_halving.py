"""Successive halving: many architectures are evaluated cheaply, and the best of them again with more.

Paper: Jamieson and Talwalkar, Non-stochastic best arm identification and hyperparameter optimization (AISTATS 2016); as
architecture search, Li and Talwalkar (UAI 2019). `axis` is what is saved: epochs, channels, resolution or samples, the
reductions of EcoNAS (Zhou et al., CVPR 2020).

Exact: a rung keeps the best 1/eta of its architectures, and one reaches the last rung.

Departs from the paper: it is synchronous, so that the same seed gives the same architectures; the rungs are the
fidelities that the protocol or the table offers; brackets are repeated until the budget is spent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from methods.parts.queries import Asking, QueryMethod


@dataclass(frozen=True)
class SuccessiveHalving(QueryMethod):
    eta: int = 3  # published: 4 by Li and Talwalkar, 3 in later software
    axis: Literal["epochs", "channels", "resolution", "samples"] = "epochs"

    def explore(self, asking: Asking) -> None:
        rungs = asking.run.fidelities(self.axis)
        while True:
            archs = [asking.sample() for _ in range(self.eta ** (len(rungs) - 1))]
            for rung in rungs:
                values = {arch: asking.value(arch, rung) for arch in archs}
                best_first = sorted(values, key=values.__getitem__, reverse=True)
                archs = best_first[: max(1, len(archs) // self.eta)]
