"""Image files of random pixels."""

from pathlib import Path

import numpy as np
from PIL import Image

RNG = np.random.default_rng(0)


def pictures(folder: Path, number, side=40, suffix="png", mode="RGB"):
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(number):
        shape = (side, 2 * side, 3) if mode == "RGB" else (side, 2 * side)
        Image.fromarray(RNG.integers(0, 256, shape, dtype=np.uint8)).save(folder / f"image_{i + 1:05}.{suffix}")
