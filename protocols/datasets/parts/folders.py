"""The files of an image folder, and which split each is in.

Layout: `PATH/train/<class>/*`, `PATH/test/<class>/*` and perhaps `PATH/val/<class>/*`, also under their other usual
names; or `PATH/<class>/*`. Listing only, no decoding: this is imported while a run is planned.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from protocols.datasets.parts.prepared import SPLITS
from protocols.datasets.parts.splits import SHARES, divided
from spaces.base import UserError

SUFFIXES = (
    *(
        ".png",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".bmp",
        ".dib",
        ".gif",
        ".tif",
        ".tiff",
        ".webp",
        ".ppm",
        ".pgm",
        ".pbm",
    ),
    *(
        ".pnm",
        ".avif",
        ".heic",
        ".heif",
        ".jp2",
        ".j2k",
        ".tga",
        ".apng",
        ".mpo",
        ".ico",
        ".jxl",
        ".svg",
        ".raw",
        ".dng",
    ),
)
"""Of images: all are read, and what cannot be decoded is refused by name when the dataset is prepared."""
CALLED = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""Names of the folders of splits, in any case."""
LEFT = ("__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found")
"""Folders that systems make beside those of people. As hidden ones, they hold nothing of a dataset."""
LIKE_SPLITS = re.compile(r"(?:.*[\W_])?(train|test)(?:ing)?(?:[\W_\d].*)?", re.IGNORECASE)
LAYOUT = "PATH/train/<class>/*.png and PATH/test/<class>/*.png, or PATH/<class>/*.png"


def class_names(path: Path) -> tuple[str, ...]:
    """Names of the class folders, sorted; UserError unless there are two or more and all splits agree."""
    if path.is_file():
        raise UserError(f"{path} is a file, and an image folder is needed, so unpack an archive: wanted {LAYOUT}")
    if not path.is_dir():
        raise UserError(f"image folder {path} does not exist: wanted {LAYOUT}")
    if splits := _splits(path):
        return _agreed(path, splits)
    found = _folders(path)
    if len(found) < 2:
        inner = f"; did you mean {below}?" if (below := _below(path)) != path else ""
        raise UserError(
            f"image folder {path} has {len(found)} class folders, at least 2 are needed: wanted {LAYOUT}{inner}"
        )
    like = {match[1].lower(): name for name in found if (match := LIKE_SPLITS.fullmatch(name))}
    if len(like) == 2 and len(found) <= 4:
        raise UserError(
            f"image folder {path} has {like['train']}/ and {like['test']}/, which look like splits: call them train/"
            " and test/, each with a folder for each class"
        )
    return found


def _below(path: Path) -> Path:
    """The folder inside folders that hold nothing but one more, as unpacked archives have them."""
    found = _folders(path)
    return _below(path / found[0]) if len(found) == 1 and _folders(path / found[0]) else path


def _splits(path: Path) -> dict[str, Path]:
    """The folders of the splits by our names; none where the folders of `path` are classes. UserError where two are one
    split."""
    found: dict[str, Path] = {}
    for name in _folders(path):
        if split := CALLED.get(name.lower()):
            if split in found:
                raise UserError(
                    f"image folder {path} has {found[split].name}/ and {name}/, both {split}: put them together"
                )
            found[split] = path / name
    others = len(_folders(path)) - len(found)
    classes = others > 1 and not any(_folders(folder) for folder in found.values())  # one of several is called train
    return found if {"train", "test"} & set(found) and not classes else {}


def check_images(path: Path) -> None:
    """UserError where a class has no image at all; stops at the first image of each class."""
    for name in class_names(path):
        for folder in _places(path, name):
            if next(_images(folder), None) is None:
                raise UserError(
                    f"class folder {folder} has no image (PNG, JPEG or another kind): add some or remove it"
                )


def listed(path: Path, seed: str) -> dict[str, list[tuple[Path, int]]]:
    """(file, label) of every image of each split, in the order of class and file name.

    What the layout does not give is drawn from `seed`, stratified by class: without `val`, `train` is halved; without
    `train` and `test`, `SHARES` become train, val and test. UserError where a split gets no image of a class.
    """
    check_images(path)
    names = class_names(path)
    splits = {split: _files(folder, names) for split, folder in _splits(path).items()}
    if "train" not in splits:
        splits = _drawn(_files(path, names), SPLITS, SHARES, seed)
    elif "val" not in splits:
        splits |= _drawn(splits["train"], ("train", "val"), (0.5, 0.5), seed)
    for split in SPLITS:
        if empty := set(range(len(names))) - {label for _, label in splits[split]}:
            raise UserError(f"class {names[min(empty)]} of {path} has too few images to give one to {split}: add some")
    return splits


def _folders(path: Path) -> tuple[str, ...]:
    children = (child for child in path.iterdir() if child.is_dir() and child.name not in LEFT)
    return tuple(sorted(child.name for child in children if not child.name.startswith(".")))


def _agreed(path: Path, splits: dict[str, Path]) -> tuple[str, ...]:
    for split in ("train", "test"):
        if split not in splits:
            only = next(iter(splits.values()))
            whole = f"; without test/, folder:{only} is split by itself" if split == "test" and _folders(only) else ""
            raise UserError(f"image folder {path} has no {split}/: wanted {LAYOUT}{whole}")
    names = _folders(splits["train"])
    if len(names) < 2:
        raise UserError(f"image folder {splits['train']} has {len(names)} class folders, at least 2 are needed")
    for folder in splits.values():
        if not _folders(folder):
            raise UserError(
                f"image folder {folder} has no class folders, so no image of it has a label: give each class its"
                f" folder, or leave it out: folder:{splits['train']} is split by itself"
            )
        if odd := sorted(set(names) ^ set(_folders(folder))):
            raise UserError(f"classes of {splits['train']} and {folder} differ: {odd[0]} is in only one of them")
    return names


def _places(path: Path, name: str) -> list[Path]:
    """The folders that hold a class: one in each split, or just one."""
    return [folder / name for folder in _splits(path).values()] or [path / name]


def _walk(folder: Path) -> Iterator[Path]:
    """Every file below a folder that is not hidden, subfolders and links to folders included; sorted."""
    seen: set[tuple[int, int]] = set()
    for place, inner, files in os.walk(folder, followlinks=True):
        at = os.stat(place)
        if (at.st_dev, at.st_ino) in seen:  # a link to a folder above
            inner.clear()
            continue
        seen.add((at.st_dev, at.st_ino))
        inner[:] = sorted(name for name in inner if not name.startswith(".") and name not in LEFT)
        yield from (Path(place) / name for name in sorted(files) if not name.startswith("."))


def _images(folder: Path) -> Iterator[Path]:
    return (file for file in _walk(folder) if file.suffix.lower() in SUFFIXES)


def _files(path: Path, names: tuple[str, ...]) -> list[tuple[Path, int]]:
    return [(file, label) for label, name in enumerate(names) for file in sorted(_images(path / name))]


def left_out(path: Path) -> list[str]:
    """What lies below the folder and is in no split, in words; and how many images lie in subfolders of a class."""
    places = {place: None for name in class_names(path) for place in _places(path, name)}
    used = {file: None for place in places for file in _images(place)}  # sets in order
    rest = [file for file in _walk(path) if file not in used]
    images = [file for file in rest if file.suffix.lower() in SUFFIXES]
    others = [file for file in rest if file.suffix.lower() not in SUFFIXES]
    deep = [file for file in used if file.parent not in places]
    said = {
        "in subfolders of a class, read as the class's": deep,
        "left out, in no folder of a class": images,
        "left out, no images by their names": others,
    }
    return [f"{what}: {_counted(path, files)}" for what, files in said.items() if files]


def _counted(path: Path, files: list[Path]) -> str:
    named = [str(file.relative_to(path)).encode("utf-8", "backslashreplace").decode() for file in files[:3]]
    return f"{len(files)} file{'s' * (len(files) > 1)} ({', '.join(named)}{', …' * (len(files) > 3)})"


def listing(path: Path) -> str:
    """SHA-256 of the names, sizes and times of all files below a folder."""
    digest = hashlib.sha256()
    for file in _walk(path):
        facts = file.stat(follow_symlinks=file.exists())
        digest.update(os.fsencode(file.relative_to(path)) + f"\0{facts.st_size} {facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _drawn(
    items: list[tuple[Path, int]], splits: tuple[str, ...], shares: tuple[float, ...], seed: str
) -> dict[str, list[tuple[Path, int]]]:
    return dict(zip(splits, divided(items, [label for _, label in items], shares, seed)))
