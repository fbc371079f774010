"""Long searches in supernets as deep as NAS-Bench-201's, with few channels, to see where they lead.

Expected: docs/results.md, "Why is it all skips?".
"""

from protocols.base import Budget, Protocol, Recipe, Setting, Tricks

PROTOCOL = Protocol(
    version="collapse_deep-1.0",
    numerics="portable",
    default=Setting(
        image=8,
        width=1 / 4,
        cells=15,
        search_width=1 / 4,
        search_cells=15,  # as published
        # 199 training images of `digits` are six batches and one image, which is left out.
        budget=Budget(epochs=100, batch=33, candidates=8, evaluations=100, evaluation_epochs=4),
        recipe=Recipe(epochs=40, batch=33, lr=0.2),
        tricks=Tricks(),
    ),
)
