"""The default with searches of the published number of epochs: DARTS 50, FBNet 90, ENAS 150; and ten times the
published 8 for Single-Path NAS, whose epochs were of ImageNet. Trainings are those of `laptop`.

Expected: docs/results.md, "When searches are longer".
"""

from dataclasses import replace

from protocols.base import Protocol
from protocols.laptop import DEFAULT, SINGLE_PATHS

PROTOCOL = Protocol(
    version="laptop_long-1.0",
    default=replace(
        DEFAULT,
        # Evaluations see as many images as ENAS does in its epochs.
        budget=replace(
            DEFAULT.budget,
            epochs=50,
            evaluations=150,
            epochs_of={"fbnet": 90, "single_path": 80, **dict.fromkeys(SINGLE_PATHS, 150)},
        ),
    ),
    numerics="portable",
)
