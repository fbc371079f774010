"""DARTS S3: S3 of RobustDARTS (Zela et al., ICLR 2020): S2 with `none` as a third candidate of the supernet.

As in DARTS, `none` is mixed and never chosen, so the architectures are those of S2.
"""

from dataclasses import dataclass

from spaces.parts.cell_choices import CellChoices
from spaces.parts.cell_space import CellSpace

EDGES = (("none", "skip_connect", "sep_conv_3x3"),) * 14
CELLS = CellChoices("S3", normal=EDGES, reduce=EDGES)


@dataclass(frozen=True)
class DartsS3(CellSpace):
    cells = CELLS
    choices = CELLS.choices
