"""The datasets by name: the files of protocols/datasets/, `folder:PATH` for each folder of images, and
`table:FOLDER#NAME` for each dataset of a table.

A module of its own, because searches and trainings import `registry`, and the code that prepares datasets must not be
part of their fingerprints.
"""

from __future__ import annotations

from pathlib import Path

from harness.plan import registry
from protocols.datasets.base import Dataset
from protocols.datasets.parts.image_folder import UserFolder


def names() -> tuple[str, ...]:
    """Every dataset that has a name, sorted."""
    return registry.names("protocols/datasets")


def named(name: str) -> Dataset:
    """The dataset of a name; UserError with the nearest names, or where PATH of `folder:PATH` is no image
    folder."""
    if name.startswith("folder:"):
        return UserFolder(name)
    if name.startswith("table:"):
        from protocols.datasets.parts.table import TableDataset

        return TableDataset(name)
    if name not in names():
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
