"""The datasets by name: the files of protocols/datasets/, and `folder:PATH` for each folder of images.

A module of its own, because searches and trainings import `registry`, and the code that prepares datasets must not be
part of their fingerprints.
"""

from __future__ import annotations

from harness.plan import registry
from protocols.datasets.base import Dataset
from protocols.datasets.parts.image_folder import UserFolder


def names() -> tuple[str, ...]:
    """Every dataset that has a name, sorted."""
    return registry.names("protocols/datasets")


def named(name: str) -> Dataset:
    """The dataset of a name; UserError with the nearest names, or where PATH of `folder:PATH` is no image folder."""
    if name.startswith("folder:"):
        return UserFolder(name)
    if name not in names():
        raise registry.refuse("dataset", name, [*names(), "folder:PATH"])
    return registry.entry_class("protocols/datasets", name)(name)
