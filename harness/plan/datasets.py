"""The datasets by name: the files of protocols/datasets/, `folder:PATH` for each folder of images, and
`table:FOLDER#NAME` for each dataset of a table.

A module of its own, because searches and trainings import `registry`, and the code that prepares datasets must not be
part of their fingerprints.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from harness.plan import registry, spelling
from protocols.datasets.base import Dataset
from protocols.datasets.parts.image_folder import NamedFolder, UserFolder
from protocols.datasets.parts.prepared import manifest
from spaces.base import UserError

_FOLDERS: dict[str, Path] = {}
"""Of datasets that a configuration or a command names."""


def names() -> tuple[str, ...]:
    """Every dataset that has a name, sorted."""
    return registry.names("protocols/datasets")


def know(name: str, folder: Path) -> None:
    """Gives a folder of images a name for as long as this process runs; UserError where it cannot be one."""
    if name in names() or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise UserError(
            f"dataset name {name!r} is taken or no name: take letters, digits, - and _, and none of those of"
            " `python -m harness list datasets`"
        )
    _FOLDERS[name] = folder


def same(name: str) -> str:
    """One name for all ways to write it: `folder:PATH` without slashes behind it."""
    return name.rstrip("/") if name.startswith("folder:") and name.strip("/") != "folder:" else name


def named(name: str) -> Dataset:
    """The dataset of a name; UserError with the nearest names, or where PATH of `folder:PATH` is no image
    folder."""
    if name in _FOLDERS:
        return NamedFolder(name, _FOLDERS[name])
    if name.startswith("folder:"):
        return UserFolder(same(name))
    if name.startswith("table:"):
        from protocols.datasets.parts.table import TableDataset

        return TableDataset(name)
    spelling.check("protocols/datasets", name)
    if name not in names():
        if os.path.isdir(os.path.expanduser(name)):  # False also for what no path can be
            raise UserError(f"unknown dataset {name!r}: did you mean the folder of images folder:{name}?")
        raise registry.refuse("dataset", name, [*names(), "folder:PATH", "table:FOLDER#NAME"])
    return registry.entry_class("protocols/datasets", name)(name)


def prepare(dataset: Dataset, image: int, out: Path, root: Path) -> None:
    """Writes the folder that searches and trainings read; see `prepare` in protocols/datasets/parts/store.py."""
    from protocols.datasets.parts import store
    from protocols.datasets.parts.table import TableDataset

    dataset.check(root)
    if isinstance(dataset, TableDataset):
        dataset.write(image, out)
    else:
        store.prepare(dataset, image, out, root)


def summary(folder: Path) -> list[str]:
    """A prepared dataset in words; a table has none."""
    from protocols.datasets.parts import summary

    facts = manifest(folder) if (folder / summary.SHEET).exists() else {}
    return (
        [f"{facts['name']} in {folder}: {line}" if not i else line for i, line in enumerate(summary.lines(facts))]
        + [f"how they look: {folder / summary.SHEET}"]
        if facts
        else []
    )


def changed(name: str, folder: Path, root: Path) -> bool:
    """Whether the files of a dataset are others than those that the folder was prepared from, by names, sizes and
    times."""
    then = manifest(folder).get("listing")
    return bool(then) and then != named(name).listing(root)
