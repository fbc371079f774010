"""Everything once and tiny: the whole pipeline in minutes, for tests. Its numbers mean nothing.

Expected: accuracies a little above chance, in less than 4 minutes on 2 cores: `snakemake --cores 2 all --configfile
config/smoke.yaml`.
"""

from protocols.base import Budget, Protocol, Recipe, Setting, Tricks

PROTOCOL = Protocol(
    version="smoke-2.1",
    numerics="portable",
    default=Setting(
        image=8,
        width=1 / 9,
        cells=3,
        search_width=1 / 4,
        search_cells=3,
        budget=Budget(epochs=2, batch=32, candidates=2, evaluations=4, evaluation_epochs=1),
        recipe=Recipe(epochs=2, batch=64, lr=0.05),
        tricks=Tricks(auxiliary=0.4, drop_path=0.1, cutout=2, crop=1),
    ),
)
