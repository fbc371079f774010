"""Image files of any kind as 8-bit grey or RGB, with a word on whatever was changed on the way.

Turned as the camera says (EXIF). Transparency is composed over white, or over black where white would leave one colour.
Values of more than 8 bits are scaled by one rule for all files of a dataset (`Range`), so that no file is brighter than
another by its own maximum. Of several frames, the first.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from spaces.base import UserError

BITS = {1: -8, 255: 0, 1023: 2, 4095: 4, 16383: 6, 65535: 8}
"""Largest value of a dataset's deep files -> by how many bits its values are too long; -8: black and white."""


@dataclass
class Range:
    """The values of all deep files of a dataset: `whole` those of integers, `real` those of floats."""

    whole: float = 0.0
    real: float = 0.0
    files: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, files: Iterable[Path]) -> Range:
        """UserError for values that no rule knows. Files that cannot be decoded are left to who decodes them all."""
        found = cls()
        for file in files:
            try:
                with warnings.catch_warnings(action="ignore"), Image.open(file) as picture:
                    values = _deep(picture)
            except Exception:  # Pillow's decoders raise a dozen types
                continue
            if values is not None:
                found._see(file, values)
        return found

    def _see(self, file: Path, values: np.ndarray) -> None:
        low, high = float(values.min()), float(values.max())
        limit = 255 if values.dtype.kind == "f" else 65535
        if not (low >= 0 and high <= limit):
            raise UserError(
                f"image {shown(file)} has values from {low:g} to {high:g}: whole numbers from 0 to 65535, or floats"
                " from 0 to 1 or to 255, are scaled; save it with 8 bits"
            )
        kind = "real" if values.dtype.kind == "f" else "whole"
        setattr(self, kind, max(getattr(self, kind), high))
        self.files[kind] = self.files.get(kind, 0) + 1

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """uint8 of the values of one file."""
        if values.dtype.kind == "f":
            return np.rint(values * (255 if self.real <= 1 else 1)).astype(np.uint8)
        bits = self._bits()
        return (values * 255 if bits < 0 else values >> bits).astype(np.uint8)

    def _bits(self) -> int:
        return BITS[min(limit for limit in BITS if limit >= self.whole)]

    def notes(self) -> list[str]:
        """The rules that were used, in words."""
        said = []
        if number := self.files.get("whole"):
            depth = self._bits()
            rule = "0 and 1 as black and white" if depth < 0 else f"values of {8 + depth} bits, divided by {2**depth}"
            said.append(f"{number} files of more than 8 bits hold {rule} (largest value {self.whole:.0f})")
        if number := self.files.get("real"):
            rule = "0 to 1, times 255" if self.real <= 1 else "0 to 255, rounded"
            said.append(f"{number} files of floats hold {rule} (largest value {self.real:g})")
        return said


def decoded(picture: Image.Image, channels: int, scale: Range) -> tuple[Image.Image, list[str]]:
    """(the picture in 8 bits, grey or RGB, what was done to it)."""
    said, mode = [], "L" if channels == 1 else "RGB"
    if getattr(picture, "n_frames", 1) > 1:
        said.append("the first of several frames")
    values = _deep(picture)
    orientation = picture.getexif().get(0x0112, 1)
    if values is not None:
        picture = Image.fromarray(scale.scaled(values))
    if orientation in range(2, 9):
        picture.getexif()[0x0112] = orientation
        picture = ImageOps.exif_transpose(picture)
        said.append("turned as the camera says")
    if picture.has_transparency_data:
        picture, background = _composed(picture.convert("RGBA"), mode)
        said += [f"transparency over {background}"] if background else []
    picture = picture.convert(mode)
    if _constant(picture):
        said.append("a single colour")
    return picture, said


def _composed(picture: Image.Image, mode: str) -> tuple[Image.Image, str]:
    """(the picture over white, or over black, the name of the colour; none where nothing is transparent)."""
    if picture.getchannel("A").getextrema()[0] == 255:
        return picture, ""
    over = {
        name: Image.alpha_composite(Image.new("RGBA", picture.size, name), picture).convert(mode)
        for name in ("white", "black")
    }
    name = "black" if _constant(over["white"]) and not _constant(over["black"]) else "white"
    return over[name], name


def _constant(picture: Image.Image) -> bool:
    extrema = picture.getextrema()
    pairs = extrema if isinstance(extrema[0], tuple) else (extrema,)
    return all(low == high for low, high in pairs)


def _deep(picture: Any) -> np.ndarray | None:
    """The values of a file that has more than 8 bits a channel; None for any other. Pillow reads 16 bits of several
    channels as their high bytes: they are read twice, once for the low ones."""
    if picture.mode.startswith("I") or picture.mode == "F":
        return np.array(picture)
    parts = picture.tile[0].args if len(getattr(picture, "tile", [])) == 1 else None
    raw = parts if isinstance(parts, str) else parts[0] if isinstance(parts, tuple) and parts else ""
    if not isinstance(raw, str) or not raw.endswith((";16B", ";16L", ";16N")) or not isinstance(parts, str):
        return None
    other = raw[:-1] + {"B": "L", "L": "B", "N": "B"}[raw[-1]]
    high = np.array(picture, np.uint16)
    again: Any = Image.open(picture.filename)
    again.tile = [again.tile[0]._replace(args=other)]
    try:
        with again:
            return high << 8 | np.array(again, np.uint16)
    except ValueError:  # grey with transparency
        return None


def warned(heard: Iterable[warnings.WarningMessage]) -> list[str]:
    """Pillow's warnings on a file, in the same words for all files."""
    return sorted({f"Pillow warns: {re.sub(r'[0-9]+', '…', str(one.message)).split('. ')[0][:80]}" for one in heard})


def fault(file: Path, error: Exception) -> str:
    """Why a file cannot be decoded."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if not file.stat().st_size:
        return "an empty file"
    return "no image by its content" if isinstance(error, UnidentifiedImageError) else str(error)[:80]


def shown(file: Path) -> str:
    """A path that can be printed and written whatever its bytes are."""
    return str(file).encode("utf-8", "backslashreplace").decode()
