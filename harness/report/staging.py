"""A set of files that replaces an older one when all of it is made, and not before."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from spaces.base import UserError


@contextmanager
def staged(*folders: Path, stale: Callable[[Path], bool]) -> Iterator[list[Path]]:
    """A new folder inside each of `folders`, to write to. At the end, its files take their places, one after another;
    after an error nothing has changed. Files of `folders` that are not made again and are `stale` are removed then."""
    new = [folder / f".new.{os.getpid()}.tmp" for folder in folders]
    were = [folder for folder in folders if folder.exists()]
    try:
        for folder in new:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        yield new
        made = [{path.name for path in folder.iterdir()} for folder in new]
        for folder, temporary, names in zip(folders, new, made):
            for path in [path for path in folder.iterdir() if path.is_file() and path.name not in names]:
                if stale(path):
                    path.unlink()
            for name in sorted(names):
                os.replace(temporary / name, folder / name)
    except OSError as error:
        place = error.filename or folders[0]
        raise UserError(f"cannot write {place}: {error.strerror}: mend that and run the same command again") from None
    finally:
        for temporary in new:
            shutil.rmtree(temporary, ignore_errors=True)
        for folder in sorted(set(folders) - set(were), key=lambda folder: -len(folder.parts)):
            if folder.exists() and not any(folder.iterdir()):
                folder.rmdir()
