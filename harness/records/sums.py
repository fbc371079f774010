"""Checksums of results, as `sha256sum --check` reads them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable
from pathlib import Path

from harness.records.files import write_atomically
from spaces.base import UserError

NAME = "SHA256SUMS"


def write(folder: Path, files: Iterable[Path]) -> None:
    """Checksums of `files`, named from `folder`, as `sha256sum --check` reads them."""
    lines = [f"{_sha256(file)}  {os.path.relpath(file, folder)}\n" for file in sorted(files)]
    write_atomically(folder / NAME, "".join(lines).encode())


def check(folder: Path, but: Collection[str] = ()) -> None:
    """UserError for the first file that is not as it was when the sums were written; `but`: subfolders left out."""
    for name, digest in read(folder).items():
        file = folder / name
        if Path(name).parts[0] in but:
            continue
        if not file.exists() or _sha256(file) != digest:
            raise UserError(f"{file} is missing or was changed after it was made: delete it and run snakemake again")


def read(folder: Path) -> dict[str, str]:
    """What the sums say: names from `folder`, and their sha256."""
    lines = (folder / NAME).read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
