"""Long searches at the smallest size, 25 epochs in half a minute, to see where they lead.

Expected: docs/results.md, "Why is it all skips?".
"""

from protocols.base import Budget, Protocol, Recipe, Setting, Tricks

PROTOCOL = Protocol(
    version="collapse-1.0",
    numerics="portable",
    default=Setting(
        image=8,
        width=3 / 8,
        cells=3,
        search_width=3 / 8,
        search_cells=3,
        budget=Budget(epochs=25, batch=33, candidates=8, evaluations=100, evaluation_epochs=4),
        # 199 training images of `digits` are six batches and one image, which is left out.
        recipe=Recipe(epochs=4, batch=33, lr=0.2),
        tricks=Tricks(),
    ),
)
