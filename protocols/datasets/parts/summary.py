"""What people want to know of a dataset that was prepared: what was done to files, which are there twice, how the
images look."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from protocols.datasets.base import RawData
from protocols.datasets.parts.decoding import shown

SHEET = "contact.png"
NAMED = 3
"""Files that a note names."""
TILE, ROWS, COLUMNS, LABEL = 64, 24, 10, 110


class Notes:
    """What was done to files, counted, with a few of them named."""

    def __init__(self, first: Sequence[str]) -> None:
        self._first = list(first)
        self._files: dict[str, list[str]] = {}

    def add(self, file: Path, said: Sequence[str]) -> None:
        for note in said:
            self._files.setdefault(note, []).append(f"{shown(Path(*file.parts[-2:]))}")

    def lines(self) -> list[str]:
        return [*self._first, *(f"{note}: {counted(files)}" for note, files in sorted(self._files.items()))]


def counted(files: Sequence[str]) -> str:
    more = ", …" if len(files) > NAMED else ""
    return f"{len(files)} image{'s' * (len(files) > 1)} ({', '.join(files[:NAMED])}{more})"


def duplicates(raw: RawData) -> list[str]:
    """The same file under two names: in two splits, which makes test accuracies too good, and with two labels."""
    seen: dict[bytes, list[tuple[str, int, str]]] = {}
    for split, items in raw.splits().items():
        for file, label in items:
            if isinstance(file, Path):
                place = (split, label, shown(Path(*file.parts[-2:])))
                with suppress(OSError):  # which decoding reports
                    seen.setdefault(hashlib.sha256(file.read_bytes()).digest(), []).append(place)
    twice = [places for places in seen.values() if len(places) > 1]
    apart = [[(of[0], other) for other in of[1:]] for of in twice]
    kinds = {
        "the same file in two splits": [[pair for pair in pairs if pair[0][0] != pair[1][0]] for pairs in apart],
        "the same file in two classes": [[pair for pair in pairs if pair[0][1] != pair[1][1]] for pairs in apart],
        "the same file twice in one split": [  # among four files, as there are three splits
            [pair for pair in combinations(of[:4], 2) if pair[0][0] == pair[1][0]] for of in twice
        ],
    }
    return [
        f"{kind}: {len(found)} (such as {_place(found[0][0][0])} = {_place(found[0][0][1])})"
        for kind, of in kinds.items()
        if (found := [pairs for pairs in of if pairs])
    ]


def _place(place: tuple[str, int, str]) -> str:
    return f"{place[0]} {place[2]}"


def lines(facts: Mapping[str, Any]) -> list[str]:
    """A prepared dataset in words, from its manifest: classes, images of each split, notes."""
    counts, classes = facts["counts"], [name.encode("utf-8", "backslashreplace").decode() for name in facts["classes"]]
    total = {split: sum(of) for split, of in counts.items()}
    width = max(5, *map(len, classes))
    head = f"{sum(total.values())} images of {facts['side']}x{facts['side']} pixels, {len(classes)} classes"
    table = [f"{'class':{width}}" + "".join(f"{split:>8}" for split in counts)]
    table += [f"{name:{width}}" + "".join(f"{of[i]:8}" for of in counts.values()) for i, name in enumerate(classes)]
    table += [f"{'all':{width}}" + "".join(f"{number:8}" for number in total.values())]
    if len(table) > 30:
        table = [*table[:14], f"… {len(table) - 28} more classes", *table[-14:]]
    return [head, *table, *(f"- {note}" for note in facts.get("notes", ()))]


def contact_sheet(folder: Path, classes: Sequence[str]) -> None:
    """The first training images of each class as they are stored, a row for each class: contact.png in the folder."""
    images = np.load(folder / "train.images.npy", mmap_mode="r", allow_pickle=False)
    labels = np.load(folder / "train.labels.npy", allow_pickle=False)
    shown_classes = range(min(len(classes), ROWS))
    sheet = Image.new("RGB", (LABEL + COLUMNS * TILE, len(shown_classes) * TILE), "white")
    draw = ImageDraw.Draw(sheet)
    for row in shown_classes:
        name = classes[row].encode("ascii", "backslashreplace").decode()
        draw.text((4, row * TILE + TILE // 2 - 6), name[:17], fill="black")
        for column, index in enumerate(np.flatnonzero(labels == row)[:COLUMNS]):
            picture = np.ascontiguousarray(images[index].transpose(1, 2, 0))
            tile = Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture)
            tile = tile.convert("RGB").resize((TILE - 4, TILE - 4), Image.Resampling.NEAREST)
            sheet.paste(tile, (LABEL + column * TILE + 2, row * TILE + 2))
    sheet.save(folder / SHEET)
