"""The embedded default: small networks, small images, minutes instead of GPU-days; the same rules as at full scale.

Expected: see docs/laptop.md (measured accuracies and times); 2 cores, less than an hour: `snakemake --cores 2 all`.
"""

from protocols.base import Budget, Protocol, Recipe, Setting, Tricks

PROTOCOL = Protocol(
    version="laptop-1",
    default=Setting(
        image=16,
        width=1 / 6,
        cells=5,
        search_width=1 / 4,
        search_cells=4,
        budget=Budget(epochs=5, batch=64, candidates=8),
        recipe=Recipe(epochs=10, batch=64, lr=0.1),
        tricks=Tricks(auxiliary=0.4, drop_path=0.1, cutout=4, crop=2),
    ),
)
