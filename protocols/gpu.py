"""The middle size, between `laptop` and `paper`: CIFAR-10 and CIFAR-100 at their 32 pixels, networks of 16 channels and
8 cells, some tens of epochs. Meant for an evening or two on one GPU.

Expected: not measured, for want of a GPU; nor has it been run to its end on a CPU. `snakemake --cores 8
--resources gpu=2 all --configfile config/gpu.yaml`.
"""

from protocols.base import Budget, Protocol, Recipe, Setting, Tricks

PROTOCOL = Protocol(
    version="gpu-1.0",
    default=Setting(
        image=32,
        width=4 / 9,  # 16 channels of the 36 that DARTS' space has as published
        cells=8,
        search_width=1.0,
        search_cells=8,
        # Evaluations see as many images as ENAS does in its epochs, which pass over both halves of the training data.
        budget=Budget(
            epochs=10,
            batch=64,
            candidates=10,
            evaluations=20,
            evaluation_epochs=3,
            epochs_of={"single_path": 15, **dict.fromkeys(("cnas", "enas", "manas", "random_paths", "spos"), 30)},
        ),
        # DARTS' learning rate, in proportion to the batch.
        recipe=Recipe(epochs=40, batch=128, lr=0.033),
        # No cutout and no drop path, as in NAS-Bench-201's trainings of up to 200 epochs: they pay in long trainings.
        tricks=Tricks(auxiliary=0.4, crop=4),
    ),
)
