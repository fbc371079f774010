"""Glyphs: the capital letters A to Z, drawn in fonts that matplotlib ships, grey, 32x32."""

from __future__ import annotations

import string
from pathlib import Path
from typing import TYPE_CHECKING

from protocols.datasets.base import Dataset, RawData

if TYPE_CHECKING:
    import numpy as np
    from PIL import ImageFont

    from protocols.datasets.base import LabelledImage

LETTERS = tuple(string.ascii_uppercase)

# matplotlib's text fonts: those with all 26 capitals, without symbols (LastResort, STIXNonUni, STIXSize*, cmex, cmsy),
# mathematics (cmmi) and the DejaVu Display faces, which hold no capitals.
FONTS = {
    "train": ["DejaVuSans", "DejaVuSans-BoldOblique", "DejaVuSansMono", "DejaVuSansMono-BoldOblique", "DejaVuSerif"]
    + ["DejaVuSerif-BoldItalic", "cmr10", "cmss10"],
    "val": ["DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansMono-Bold", "DejaVuSerif-Bold", "DejaVuSerif-Italic"]
    + ["cmb10"],
    "test": ["DejaVuSansMono-Oblique", "STIXGeneral", "STIXGeneralBol", "STIXGeneralBolIta", "STIXGeneralItalic"]
    + ["cmti10", "cmtt10"],
}
DRAWINGS = {"train": 3, "val": 4, "test": 4}  # of each letter in each font


class Glyphs(Dataset):
    classes = 26
    inputs = 1
    flip = False
    images = 1_248
    source = "the capitals A to Z in matplotlib's 21 text fonts, 32x32, with seeded jitter, contrast and noise"
    licence = "DejaVu (Bitstream Vera), STIX Font License, BaKoMa Fonts Licence: all allow the use of rendered text"
    split = (
        "by font, so that test asks for unseen ones: 8 fonts x 3 drawings = 624 train, 6 x 4 = 624 val, 7 x 4 = "
        "728 test (all four STIX General, Computer Modern italic and typewriter, DejaVu Sans Mono oblique)"
    )
    package = "matplotlib"

    def read(self, root: Path) -> RawData:
        return RawData(LETTERS, **{split: _drawings(split) for split in FONTS})


def font(name: str) -> ImageFont.FreeTypeFont:
    """One of matplotlib's, 46 pixels high."""
    import matplotlib
    from PIL import ImageFont

    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf"
    return ImageFont.truetype(path, 46, layout_engine=ImageFont.Layout.BASIC)  # the same with and without libraqm


def _drawings(split: str) -> list[LabelledImage]:
    from protocols.datasets.parts.generators import generator

    rng = generator(f"glyphs/{split}")
    drawn = [(face, label) for face in map(font, FONTS[split]) for label in range(26) for _ in range(DRAWINGS[split])]
    return [(_glyph(face, LETTERS[label], rng), label) for face, label in drawn]


def _glyph(face: ImageFont.FreeTypeFont, letter: str, rng: np.random.Generator) -> np.ndarray:
    """uint8 (32, 32): drawn at twice the size, turned, sheared, scaled and moved a little, light on dark, with
    random contrast and noise."""
    import numpy as np
    from PIL import Image, ImageDraw

    canvas = Image.new("L", (64, 64))
    ImageDraw.Draw(canvas).text((32, 32), letter, fill=255, font=face, anchor="mm")
    canvas = canvas.transform((64, 64), Image.Transform.AFFINE, _jitter(rng), Image.Resampling.BICUBIC)
    ink = np.asarray(canvas.resize((32, 32), Image.Resampling.BOX)) / 255
    contrast = rng.uniform(120, 220)
    paper = rng.uniform(0, 255 - contrast)
    return np.clip(paper + contrast * ink + rng.normal(0, rng.uniform(5, 15), ink.shape), 0, 255).astype(np.uint8)


def _jitter(rng: np.random.Generator) -> tuple[float, ...]:
    """Coefficients of Pillow's affine transformation about the centre of 64x64 pixels."""
    import numpy as np

    angle, shear, stretch = rng.uniform((-0.2, -0.2, -0.1), (0.2, 0.2, 0.1))
    scale = rng.uniform(0.7, 1.0)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    inverse = turn @ np.array([[1 + stretch, shear], [0, 1 - stretch]]) * scale
    offset = 32 - inverse @ (32 + rng.uniform(-4, 4, 2))
    return (*inverse[0], offset[0], *inverse[1], offset[1])
