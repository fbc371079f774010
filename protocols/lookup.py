"""Searches by evaluations on a table of trained architectures: an evaluation is a lookup, and hundreds of seeds take
minutes.

Expected: docs/tables.md has what was measured.
"""

from protocols.base import Budget, Lookup, Protocol, Setting, Tricks

PROTOCOL = Protocol(
    version="lookup-1.0",
    default=Setting(
        image=1,  # there are no images, and no networks of a size that the protocol chooses
        width=1.0,
        cells=1,
        search_width=1.0,
        search_cells=1,
        budget=Budget(epochs=1, batch=2, candidates=1, evaluations=100),  # at the table's highest fidelity
        recipe=Lookup(),
        tricks=Tricks(),
    ),
)
