"""Long searches on 6,000 of CIFAR-10's photographs, to see where they lead.

Expected: docs/results.md, "Why is it all skips?".
"""

from protocols.base import Budget, Protocol, Recipe, Setting, Tricks

PROTOCOL = Protocol(
    version="collapse_cifar10-1.0",
    numerics="portable",
    default=Setting(
        image=8,
        width=1 / 4,
        cells=6,
        search_width=1 / 4,
        search_cells=6,
        # Of 3,000 training images: 93 steps an epoch, 2,325 in all; NAS-Bench-201's searches on CIFAR-10 take 19,500.
        budget=Budget(epochs=25, batch=32, candidates=8, evaluations=100, evaluation_epochs=4),
        recipe=Recipe(epochs=12, batch=64, lr=0.1),
        tricks=Tricks(),
    ),
)
