"""DARTS S1: S1 of RobustDARTS (Zela et al., "Understanding and Robustifying Differentiable Architecture Search", ICLR
2020).

Every edge has two operations of its own, those that weighed most when searches pruned the space of DARTS. The table is
the authors' (automl/RobustDARTS, src/spaces.py); the order in a pair is theirs too.
"""

from dataclasses import dataclass

from spaces.parts.cell_choices import CellChoices
from spaces.parts.cell_space import CellSpace

SKIP_SEP3 = ("skip_connect", "sep_conv_3x3")
SKIP_DIL3 = ("skip_connect", "dil_conv_3x3")
SKIP_DIL5 = ("skip_connect", "dil_conv_5x5")
DIL3_DIL5 = ("dil_conv_3x3", "dil_conv_5x5")
MAX_SKIP = ("max_pool_3x3", "skip_connect")
MAX_AVG = ("max_pool_3x3", "avg_pool_3x3")
MAX_DIL3 = ("max_pool_3x3", "dil_conv_3x3")
MAX_SEP3 = ("max_pool_3x3", "sep_conv_3x3")

CELLS = CellChoices(
    "S1",
    normal=(
        *(SKIP_DIL3, SKIP_DIL5),
        *(SKIP_DIL5, SKIP_SEP3, SKIP_DIL3),
        *(MAX_SKIP, SKIP_SEP3, SKIP_SEP3, SKIP_DIL3),
        *(SKIP_SEP3, MAX_SKIP, SKIP_DIL3, DIL3_DIL5, DIL3_DIL5),
    ),
    reduce=(
        *(MAX_AVG, MAX_DIL3),
        *(MAX_AVG, MAX_AVG, SKIP_DIL5),
        *(MAX_AVG, MAX_SEP3, SKIP_DIL3, SKIP_DIL5),
        *(MAX_AVG, MAX_AVG, SKIP_DIL5, SKIP_DIL5, SKIP_DIL5),
    ),
)
"""One line a node: the edges from input 0, input 1, then the nodes before."""


@dataclass(frozen=True)
class DartsS1(CellSpace):
    cells = CELLS
    choices = CELLS.choices
