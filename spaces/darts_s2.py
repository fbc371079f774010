"""DARTS S2: S2 of RobustDARTS (Zela et al., ICLR 2020): skip connection or 3x3 separable convolution on every edge."""

from dataclasses import dataclass

from spaces.parts.cell_choices import CellChoices
from spaces.parts.cell_space import CellSpace

EDGES = (("skip_connect", "sep_conv_3x3"),) * 14
CELLS = CellChoices("S2", normal=EDGES, reduce=EDGES)


@dataclass(frozen=True)
class DartsS2(CellSpace):
    cells = CELLS
    choices = CELLS.choices
