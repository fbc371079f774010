"""The embedded default: small networks, small images, minutes instead of GPU-days; the same rules as at full scale.

Expected: docs/laptop.md has what was measured; about an hour on 2 cores, not yet seen whole: `snakemake --cores 2 all`.
"""

from protocols.base import Budget, Protocol, Recipe, Setting, Tricks

PROTOCOL = Protocol(
    version="laptop-1",
    default=Setting(
        image=12,
        width=1 / 6,
        cells=4,
        search_width=1 / 4,
        search_cells=4,
        budget=Budget(epochs=2, batch=32, candidates=4),
        recipe=Recipe(epochs=3, batch=32, lr=0.05),
        # No drop path: at 6 epochs it took a random network from 53 to 32 per cent on `textures`.
        tricks=Tricks(auxiliary=0.4, drop_path=0.0, cutout=2, crop=1),
    ),
)
