"""What can be chosen in the space of DARTS. Imports no torch."""

from spaces.parts.cell_choices import CellChoices

CANDIDATES = (
    "none",
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
"""What the supernet mixes on every edge, in the order of quark0/darts. An architecture can have all except `none`."""
EDGES = 14
"""Edges of a cell of four nodes."""
CELLS = CellChoices("DARTS", normal=(CANDIDATES,) * EDGES, reduce=(CANDIDATES,) * EDGES)
