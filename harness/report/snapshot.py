"""Snapshots of a finished benchmark: all that is needed to cite it, to check it and to make it again."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from harness import records
from harness.analysis.results import read_results
from harness.plan import rechecks
from harness.plan.registry import ROOT
from harness.plan.shipped import shipped, version
from harness.plan.studies import of_configuration
from harness.records import sums
from harness.records.checkout import CHANGES, uncommitted
from harness.report.build import build, origin
from spaces.base import UserError

PUBLISHED = Path("results/published")
VIEWS = ("tables", "figures")
CODE, CONFIGURATION = "code", "config.yaml"


def publish(name: str, found: Path | Sequence[Path], config: Path | None) -> Path:
    """Writes results/published/NAME: the records, the tables and figures made from them, the configuration, the code
    that is not in the commit, the exact versions and the machine, and checksums of it all. `found`: a folder of
    records, or their paths."""
    folder = PUBLISHED / name
    if folder.exists():
        raise UserError(f"{folder} exists: what is published stays as it is; choose another name")
    paths = records.below(found) if isinstance(found, Path) else found
    if not paths:
        raise UserError(f"no records in {found}: name a folder of records, or a configuration")
    root = found if isinstance(found, Path) else Path(os.path.commonpath([path.parent for path in paths]))
    temporary = PUBLISHED / f".{name}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    copied = [_copy_record(path, temporary / "records" / path.relative_to(root)) for path in paths]
    if config:
        shutil.copy(shipped(config), temporary / CONFIGURATION)
    _build(temporary, temporary)
    if (recheck := _records_folder(root).with_name(rechecks.NAME)).is_file():
        shutil.copy(recheck, temporary / rechecks.NAME)
    _copy_code(copied, temporary / CODE)
    _write_environment(temporary / "environment.txt", copied[-1]["measured"]["machine"])
    sums.write(temporary, _files(temporary))
    temporary.rename(folder)
    return folder


def copied_code(folder: Path) -> list[str]:
    """The files of code and configuration that were in no commit when a snapshot was published: paths from its folder
    code/, which holds them."""
    return [path.relative_to(folder / CODE).as_posix() for path in _files(folder / CODE)]


def _copy_record(path: Path, copy: Path) -> dict[str, Any]:
    record = records.read(path)
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, copy)
    return record


def _copy_config(path: Path, copy: Path) -> None:
    """Of a folder of images that has a name, the copy says no more than the last part of where it lies here."""
    text = path.read_text(encoding="utf-8")
    copy.write_text(re.sub(r"(\bfolder:\s+[\"']?)[^,}\n#\"']*/(?=[^/,}\n#\"' ])", r"\1", text), encoding="utf-8")


def _records_folder(root: Path) -> Path:
    """The folder `records` that holds `root`, or `root` itself."""
    return next((folder for folder in (root, *root.parents) if folder.name == "records"), root)


def _copy_code(found: Iterable[dict[str, Any]], folder: Path) -> None:
    """Copies what is not in the commit that is checked out, nor in those that the records were made from."""
    commits = {str(record.get("environment", {}).get("commit")) for record in found}
    bases = {commit.removesuffix(CHANGES) for commit in commits if commit.endswith(CHANGES)}
    for path in sorted({path for base in ("HEAD", *bases) for path in uncommitted(ROOT, base)}):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, folder / path)


def _write_environment(path: Path, machine: str) -> None:
    installed = sorted({f"{package.name}=={package.version}" for package in distributions()}, key=str.lower)
    about = [f"# {platform.platform()}", f"# {machine}", f"# Python {platform.python_version()}"]
    path.write_text("\n".join([*about, *installed]) + "\n", encoding="utf-8")


def verify(folder: Path) -> int:
    """The number of tables and figures' data that come out of the records to the byte as they were published; UserError
    for the first that does not, or for a file that was changed since."""
    _known(folder)
    sums.check(folder)
    _refuse_additions(folder)
    with _made_again(folder, pictures=False) as again:
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
    _refuse_additions(folder)
    with _made_again(folder) as again:
        for name in VIEWS:
            shutil.rmtree(folder / name, ignore_errors=True)
            shutil.copytree(again / name, folder / name)
    files = [path for path in _files(folder) if path != folder / sums.NAME]
    sums.write(folder, files)
    return sum(path.parent.name in VIEWS and path.name != sums.NAME for path in files)


def _known(folder: Path) -> None:
    if not (folder / sums.NAME).exists():
        raise UserError(f"{folder} is not a published snapshot: it has no {sums.NAME}")


def _refuse_additions(folder: Path) -> None:
    """Only views may be new: all records and code are those that were published."""
    found = {path.relative_to(folder).as_posix() for part in ("records", CODE) for path in _files(folder / part)}
    if strange := sorted(found - set(sums.read(folder))):
        raise UserError(f"{folder / strange[0]} was not published with the snapshot: move it out of the folder")


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@contextmanager
def _made_again(folder: Path, pictures: bool = True) -> Iterator[Path]:
    """A folder with the tables and figures that the snapshot's records give now; without `pictures` with their data
    alone."""
    with tempfile.TemporaryDirectory() as temporary:
        again = Path(temporary)
        shutil.copytree(folder / "records", again / "records")
        _build(folder, again, pictures)
        yield again


def _build(folder: Path, out: Path, pictures: bool = True) -> None:
    """Tables and figures into `out` from its records, with the studies that the snapshot's configuration names."""
    configured = folder / CONFIGURATION
    studies = of_configuration(configured) if configured.exists() else None
    build(out / "records", out / "tables", out / "figures", studies=studies, pictures=pictures)
