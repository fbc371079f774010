"""Snapshots of a finished benchmark: all that is needed to cite it, to check it and to make it again."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Sequence
from importlib.metadata import distributions
from pathlib import Path

from harness import records, sums, tables
from spaces.base import UserError

PUBLISHED = Path("results/published")


def publish(name: str, found: Path | Sequence[Path], config: Path | None) -> Path:
    """Writes results/published/NAME: the records, the tables and figures made from them, the configuration, the exact
    versions and the machine, and checksums of it all. `found`: a folder of records, or their paths."""
    folder = PUBLISHED / name
    if folder.exists():
        raise UserError(f"{folder} exists: what is published stays as it is; choose another name")
    temporary = PUBLISHED / f".{name}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    paths = sorted(found.rglob("*.json")) if isinstance(found, Path) else found
    if not paths:
        raise UserError(f"no records in {found}: name a folder of records, or a configuration")
    root = found if isinstance(found, Path) else os.path.commonpath([path.parent for path in paths])
    for path in paths:
        record = records.read(path)
        copy = temporary / "records" / path.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    tables.build(temporary / "records", temporary / "tables", temporary / "figures")
    if config:
        shutil.copy(config, temporary / "config.yaml")
    installed = sorted({f"{package.name}=={package.version}" for package in distributions()}, key=str.lower)
    about = [f"# {platform.platform()}", f"# {record['measured']['machine']}", f"# Python {platform.python_version()}"]
    (temporary / "environment.txt").write_text("\n".join([*about, *installed]) + "\n", encoding="utf-8")
    sums.write(temporary, [path for path in temporary.rglob("*") if path.is_file()])
    temporary.rename(folder)
    return folder


def verify(folder: Path) -> int:
    """The number of tables and figures' data that come out of the records to the byte as they were published; UserError
    for the first that does not, or for a file that was changed since."""
    if not (folder / sums.NAME).exists():
        raise UserError(f"{folder} is not a published snapshot: it has no {sums.NAME}")
    sums.check(folder)
    with tempfile.TemporaryDirectory() as rebuilt:
        shutil.copytree(folder / "records", Path(rebuilt, "records"))
        tables.build(Path(rebuilt, "records"), Path(rebuilt, "tables"), Path(rebuilt, "figures"))
        published = [*(folder / "tables").iterdir(), *(folder / "figures").glob("*.csv")]
        published = [path for path in published if path.name != sums.NAME]
        for path in sorted(published):
            again = Path(rebuilt, path.relative_to(folder))
            if not again.exists() or again.read_bytes() != path.read_bytes():
                raise UserError(f"{path} is not what its records give: the tables' code has changed since")
    return len(published)
