"""From an image of any kind and size to the square of pixels that is stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from protocols.datasets.parts.decoding import Range, decoded


def pixels(image: Path | np.ndarray, side: int, channels: int, scale: Range) -> tuple[np.ndarray, list[str]]:
    """uint8 (channels, side, side) of a file or of an array (height, width) or (height, width, 3), and what was done to
    the file (`decoding`).

    The shorter side is resized to `side` with Pillow's antialiased bilinear filter, the centre is cut out. A file that
    Pillow cannot decode raises one of Pillow's many errors.
    """
    picture = Image.fromarray(image) if isinstance(image, np.ndarray) else Image.open(image)
    with picture:
        small, said = decoded(picture, channels, scale)
        if small.size != (side, side):
            small = ImageOps.fit(small, (side, side), Image.Resampling.BILINEAR)
        return np.asarray(small).reshape(side, side, channels).transpose(2, 0, 1), said
