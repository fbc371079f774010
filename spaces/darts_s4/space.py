"""DARTS S4: S4 of RobustDARTS (Zela et al., ICLR 2020): noise or 3x3 separable convolution on every edge.

Noise is N(0, 1) whatever the edge reads, so that a search has every reason not to choose it. The public code draws it
anew at every call, also in evaluation. Here evaluation repeats one draw, so that a trained network can be checked; it
cannot be exported. DARTS of the second order needs `hessian: exact`: a finite difference compares two draws.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from spaces.base import Size
from spaces.parts.cell_choices import CellChoices
from spaces.parts.cell_space import CellSpace
from spaces.parts.genotype import Edge, Genotype, read_genotype

if TYPE_CHECKING:
    from spaces.parts.network import Network

NOISE = "noise"
EDGES = ((NOISE, "sep_conv_3x3"),) * 14
CELLS = CellChoices("S4", normal=EDGES, reduce=EDGES)


@dataclass(frozen=True)
class DartsS4(CellSpace):
    choices = CELLS.choices

    @property
    def cells(self) -> CellChoices:  # type: ignore[override]
        """With torch, which builds networks from them, the operation is known too; planning has no torch."""
        if "torch" in sys.modules:
            import spaces.darts_s4.network  # noqa: F401
        return CELLS

    def read(self, text: str) -> Genotype:
        """Genotypes are read with two other names for `noise`: it stands where the two readings differ."""
        once, again = (read_genotype(re.sub(rf"\b{NOISE}\b", name, text)) for name in ("none ", "skip_connect"))
        return replace(once, normal=_noisy(once.normal, again.normal), reduce=_noisy(once.reduce, again.reduce))

    def network(self, design: Genotype, size: Size) -> Network:
        import spaces.darts_s4.network  # noqa: F401

        return super().network(design, size)


def _noisy(once: tuple[Edge, ...], again: tuple[Edge, ...]) -> tuple[Edge, ...]:
    return tuple(edge if edge == other else (NOISE, edge[1]) for edge, other in zip(once, again))
