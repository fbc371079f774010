"""Trains every architecture of a small space, to make a table of them: networks of a few channels on small images, a
fraction of a second each.

Expected: docs/tables.md has what was measured for `nasbench201` on `digits`: `python -m harness table make`.
"""

from protocols.base import Budget, Protocol, Recipe, Setting, Tricks

PROTOCOL = Protocol(
    version="tabular-1.0",
    numerics="portable",
    default=Setting(
        image=8,
        width=1 / 4,
        cells=3,
        search_width=1 / 4,
        search_cells=3,
        budget=Budget(epochs=3, batch=33, candidates=8, evaluations=100, evaluation_epochs=3),
        # 199 training images of `digits` are six batches and one image, which is left out. Random crops cost 20% of
        # accuracy in a training of 6 epochs.
        recipe=Recipe(epochs=3, batch=33, lr=0.2),
        tricks=Tricks(),
    ),
)
