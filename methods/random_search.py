"""Random search: the best of as many random architectures as the budget has evaluations.

Paper: Bergstra and Bengio, Random search for hyper-parameter optimization (JMLR 2012); as a baseline of architecture
search, Li and Talwalkar (UAI 2019). With `warmup` the first architectures are those of a pool that a proxy ranks
highest, and the others random (Abdelfattah et al., ICLR 2021, RAND with warm-up).

Exact: architectures are drawn uniformly; the expected result on a table has a closed form (tests).

Departs from the paper: a repeated architecture costs nothing, so the budget is spent on different ones.
"""

from __future__ import annotations

from dataclasses import dataclass

from methods.parts.queries import Asking, QueryMethod, Warmup


@dataclass(frozen=True)
class RandomSearch(QueryMethod):
    warmup: Warmup | None = None

    def explore(self, asking: Asking) -> None:
        first = iter(self.warmup.ranked(asking) if self.warmup else [])
        while True:
            arch = next(first, None)
            asking.value(arch or asking.sample())
