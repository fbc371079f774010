"""Datasets whose images lie in a folder for each class: those with a name, and `folder:PATH`."""

from __future__ import annotations

from pathlib import Path

from protocols.datasets.base import Dataset, RawData
from protocols.datasets.parts import folders
from protocols.datasets.parts.splits import RULE
from spaces.base import UserError


class ImageFolder(Dataset):
    """A dataset whose images lie under the data root, in `<name>/` with one of the two layouts."""

    inputs = 3

    def folder(self, root: Path) -> Path:
        return root / self.name

    def files(self, root: Path) -> list[Path]:
        return [self.folder(root)]

    def check(self, root: Path) -> None:
        super().check(root)
        folder = self.folder(root)
        folders.check_images(folder)
        if (found := len(folders.class_names(folder))) != self.classes:
            raise UserError(f"{folder} has {found} class folders, {self.name} has {self.classes}")

    def read(self, root: Path) -> RawData:
        folder = self.folder(root)
        return RawData(folders.class_names(folder), **folders.listed(folder, seed=self.name))


class UserFolder(ImageFolder):
    """`folder:PATH`: any folder of photographs is a dataset, without a file of its own."""

    flip = True
    source = "image folder"
    licence = "that of the images"
    split = f"train/ and test/ as given; without val/, train/ is halved by class; without both, {RULE}"

    def __init__(self, name: str) -> None:
        """UserError where PATH is missing or no image folder."""
        if name == "folder:":
            raise UserError(f"dataset 'folder:' names no folder: wanted folder:PATH with {folders.LAYOUT}")
        self._seed = "folder"
        self._open(Path(name.removeprefix("folder:")))
        super().__init__(name)

    def _open(self, path: Path) -> None:
        self._path = path.expanduser()
        self.classes = len(folders.class_names(self._path))

    def folder(self, root: Path) -> Path:
        return self._path

    def listing(self, root: Path) -> str:
        return folders.listing(self._path)

    def notes(self, root: Path) -> list[str]:
        return folders.left_out(self._path)

    def read(self, root: Path) -> RawData:
        """The split is drawn from the same seed for each PATH: a folder that is moved stays the same dataset."""
        return RawData(folders.class_names(self._path), **folders.listed(self._path, seed=self._seed))


class NamedFolder(UserFolder):
    """A folder of photographs under a name of its own: `{name: birds, folder: PATH}` in a configuration. The split and
    all seeds come from the name, so neither depends on where the folder lies."""

    def __init__(self, name: str, path: Path) -> None:
        """UserError where PATH is missing or no image folder."""
        self._seed = name
        self._open(path)
        ImageFolder.__init__(self, name)
