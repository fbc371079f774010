"""Snapshots of a finished benchmark: all that is needed to cite it, to check it and to make it again."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import distributions
from pathlib import Path

from harness import records
from harness.analysis.results import read_results
from harness.plan.shipped import shipped, version
from harness.records import sums
from harness.report.build import build, origin
from spaces.base import UserError

PUBLISHED = Path("results/published")
VIEWS = ("tables", "figures")


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
    build(temporary / "records", temporary / "tables", temporary / "figures")
    if config:
        shutil.copy(shipped(config), temporary / "config.yaml")
    installed = sorted({f"{package.name}=={package.version}" for package in distributions()}, key=str.lower)
    about = [f"# {platform.platform()}", f"# {record['measured']['machine']}", f"# Python {platform.python_version()}"]
    (temporary / "environment.txt").write_text("\n".join([*about, *installed]) + "\n", encoding="utf-8")
    sums.write(temporary, [path for path in temporary.rglob("*") if path.is_file()])
    temporary.rename(folder)
    return folder


def verify(folder: Path) -> int:
    """The number of tables and figures' data that come out of the records to the byte as they were published; UserError
    for the first that does not, or for a file that was changed since."""
    _known(folder)
    sums.check(folder)
    with _made_again(folder) as again:
        published = [*(folder / "tables").iterdir(), *(folder / "figures").glob("*.csv")]
        published = [path for path in published if path.name != sums.NAME]
        for path in sorted(published):
            other = again / path.relative_to(folder)
            if not other.exists() or other.read_bytes() != path.read_bytes():
                cure = f"python -m harness rebuild {folder}"
                raise UserError(f"{path} is not what its records give: if the tables' code has changed since, {cure}")
    return len(published)


def citation(folder: Path) -> str:
    """How a snapshot is cited, in one sentence: what it was made with, and a checksum of its records, which neither the
    tables' code nor a rebuild changes: `grep ' records/' SHA256SUMS | sha256sum`."""
    _known(folder)
    lines = (folder / sums.NAME).read_text(encoding="utf-8").splitlines(keepends=True)
    of_records = hashlib.sha256("".join(line for line in lines if "  records/" in line).encode()).hexdigest()
    about = read_results(folder / "records").about
    said = origin({name: about[name] for name in ("protocol", "commit") if name in about})
    made = said.rstrip(".").replace("; ", ", ")
    return (
        f"NAS against random {version()}, snapshot {folder.resolve().name}, {made[:1].lower()}{made[1:]},"
        f" records {of_records[:12]}."
    )


def rebuild(folder: Path) -> int:
    """The number of tables and figures made anew from a snapshot's records, for when their code has changed: views
    follow the code, records stay. UserError where anything but tables and figures is not as it was published."""
    _known(folder)
    sums.check(folder, but=VIEWS)
    found = {path.relative_to(folder).as_posix() for path in (folder / "records").rglob("*") if path.is_file()}
    if strange := sorted(found - set(sums.read(folder))):
        raise UserError(f"{folder / strange[0]} was not published with the snapshot: move it out of the folder")
    with _made_again(folder) as again:
        for name in VIEWS:
            shutil.rmtree(folder / name, ignore_errors=True)
            shutil.copytree(again / name, folder / name)
    files = [path for path in folder.rglob("*") if path.is_file() and path != folder / sums.NAME]
    sums.write(folder, files)
    return sum(path.parent.name in VIEWS and path.name != sums.NAME for path in files)


def _known(folder: Path) -> None:
    if not (folder / sums.NAME).exists():
        raise UserError(f"{folder} is not a published snapshot: it has no {sums.NAME}")


@contextmanager
def _made_again(folder: Path) -> Iterator[Path]:
    """A folder with the tables and figures that the snapshot's records give now."""
    with tempfile.TemporaryDirectory() as temporary:
        again = Path(temporary)
        shutil.copytree(folder / "records", again / "records")
        build(again / "records", again / "tables", again / "figures")
        yield again
