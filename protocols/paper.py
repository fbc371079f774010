"""The published scale: DARTS' training for every architecture of every method, on the five datasets of "NAS evaluation
is frustratingly hard" (ICLR 2020): 20 cells and 36 channels at 32 pixels, 8 cells at 224 (antoyang/NAS-Benchmark,
DARTS/).

Expected: not run here. The paper reports an accuracy of 97.03 +- 0.23% (best epoch, n=214) for random architectures of
the space of DARTS on CIFAR-10; one such training takes about a day on one V100. On GPUs: `snakemake --cores 8 all
--configfile config/paper.yaml`.
"""

from dataclasses import replace

from protocols.base import Budget, Protocol, Recipe, Setting, Tricks

SMALL = Setting(
    image=32,
    width=1.0,
    cells=20,
    search_width=1.0,
    search_cells=8,
    # Evaluations see as many images as DARTS does in its epochs: 100 passes over half of the training data.
    budget=Budget(
        epochs=50,
        batch=64,
        candidates=10,
        evaluations=20,
        evaluation_epochs=5,
        epochs_of={"enas": 150, "fbnet": 90},
    ),
    recipe=Recipe(epochs=600, batch=96, lr=0.025, lr_min=0.0, momentum=0.9, weight_decay=3e-4, clip=5.0),
    tricks=Tricks(auxiliary=0.4, drop_path=0.2, cutout=16, crop=4),
)
LARGE = replace(SMALL, image=224, cells=8, stem="imagenet", tricks=replace(SMALL.tricks, crop=1))

PROTOCOL = Protocol(
    version="paper-3.1",
    default=SMALL,
    settings={"sport8": LARGE, "mit67": LARGE, "flowers102": LARGE},
)
