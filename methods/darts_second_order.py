"""DARTS of the second order: DARTS whose architecture gradient looks one step of the weights ahead.

Paper: Liu, Simonyan and Yang, "DARTS: Differentiable Architecture Search", ICLR 2019, which reports both orders. This
is `darts` with `order: 2` under a name of its own, so that a configuration can hold both.

Exact: as `darts`.

Departs from the paper: one search instead of the best of four; see `darts`.
"""

from dataclasses import dataclass

from methods.darts import Darts


@dataclass(frozen=True)
class DartsSecondOrder(Darts):
    order: int = 2
