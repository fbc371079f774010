"""DARTS modified: the space of "NAS evaluation is frustratingly hard" (Yang, Esperança and Carlucci, ICLR 2020), the
cells of DARTS with other operations, which hardly changes what a random architecture is worth.

Plain convolutions of 1, 3, 5 and 7 pixels, max pooling of 3 and 5, the skip connection and `none`, in our own order:
the authors' code refers to a list of them that is not in their repository. As in DARTS, `none` is mixed and never
chosen.
"""

from dataclasses import dataclass

from spaces.parts.cell_choices import CellChoices
from spaces.parts.cell_space import CellSpace

CANDIDATES = (
    *("none", "skip_connect", "max_pool_3x3", "max_pool_5x5"),
    *("conv_1x1", "conv_3x3", "conv_5x5", "conv_7x7"),
)
CELLS = CellChoices("modified", normal=(CANDIDATES,) * 14, reduce=(CANDIDATES,) * 14)


@dataclass(frozen=True)
class DartsModified(CellSpace):
    cells = CELLS
    choices = CELLS.choices
