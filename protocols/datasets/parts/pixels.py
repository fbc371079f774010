"""From an image of any kind and size to the square of pixels that is stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps


def pixels(image: Path | np.ndarray, side: int, channels: int) -> np.ndarray:
    """uint8 (channels, side, side) of a file or of an array (height, width) or (height, width, 3).

    The shorter side is resized to `side` with Pillow's antialiased bilinear filter, the centre is cut out. A file that
    Pillow cannot decode raises one of Pillow's many errors.
    """
    picture = Image.fromarray(image) if isinstance(image, np.ndarray) else Image.open(image)
    with picture:
        if picture.mode.startswith("I"):  # 16-bit grey: Pillow would clip it to white
            picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
        picture = picture.convert("L" if channels == 1 else "RGB")
        if picture.size != (side, side):
            picture = ImageOps.fit(picture, (side, side), Image.Resampling.BILINEAR)
        return np.asarray(picture).reshape(side, side, channels).transpose(2, 0, 1)
