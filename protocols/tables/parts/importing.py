"""Turns the sources of a table into its folder: finds the format, checks what it read, writes."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from protocols.tables.base import OWN, TEST, Table
from protocols.tables.parts.checks import checked, complete
from protocols.tables.parts.format import Format, Imported
from protocols.tables.parts.store import write
from spaces.base import UserError
from spaces.parts import entries
from spaces.parts.declared import PREFIX

FOLDER = "protocols/tables"


def formats() -> tuple[str, ...]:
    """The source formats by name, sorted."""
    return entries.names(FOLDER)


def import_table(sources: Sequence[Path], into: Path, format: str | None = None, validation: str = OWN) -> Table:
    """Writes the folder `into` and reads it back. format: one of `formats`, or None to find it. validation: "test" lets
    test accuracies answer for a source that has no validation accuracies; else such a source is refused.

    UserError where a source is missing, of no known format, or does not hold what it should; nothing is written then.
    """
    sources = [_located(source) for source in sources]
    found = _format(sources, format).read(sources)
    digests = {source.name: digest(source) for source in (*sources, *found.read)}
    return keep(found, into, digests, ", ".join(map(str, sources)), validation)


def keep(found: Imported, into: Path, digests: Mapping[str, str], where: str, validation: str = OWN) -> Table:
    """Checks what was read, or trained here, and writes it as the folder `into`. digests: SHA-256 of the sources by
    name. where: what messages call the rows. The rows of `found` may be changed."""
    complete(found.rows, where)
    _validation(found, validation, where)
    with tempfile.TemporaryDirectory(prefix="table-") as beside:
        for name, content in found.files.items():
            Path(beside, name).write_bytes(content)
        own = found.space.startswith(PREFIX)
        space = f"{PREFIX}{Path(beside, found.space.removeprefix(PREFIX))}" if own else found.space
        rows = checked(found.rows, space, where)
    write(into, rows, found, validation, digests, where)
    return Table.read(into)


def _located(source: Path) -> Path:
    if source.exists():
        return source
    for name in formats():
        if found := entries.entry_class(FOLDER, name)().locate(str(source)):
            return Path(found)
    raise UserError(f"{source} does not exist: name a file or folder that holds a table")


def digest(source: Path) -> str:
    """SHA-256 of a file; of a folder, that of the names and digests of its files."""
    if source.is_dir():
        files = sorted(path for path in source.rglob("*") if path.is_file())
        listed = "".join(f"{digest(path)}  {path.relative_to(source)}\n" for path in files)
        return hashlib.sha256(listed.encode()).hexdigest()
    with open(source, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _format(sources: Sequence[Path], name: str | None) -> Format:
    if name:
        if name not in formats():
            raise entries.refuse("format", name, formats())
        return entries.entry_class(FOLDER, name)()
    known: list[Format] = [entries.entry_class(FOLDER, each)() for each in formats()]
    fitting = [each for each in known if each.recognises(sources)]
    if len(fitting) != 1:
        names = ", ".join(map(str, sources))
        forms = "; ".join(f"{each}: {one.wanted}" for each, one in zip(formats(), known))
        raise UserError(f"{names}: no known kind of table, choose one with --format ({forms})")
    return fitting[0]


def _validation(found: Imported, validation: str, where: str) -> None:
    """Refuses test accuracy in the place of validation accuracy, unless that is what the user wants."""
    rows = found.rows
    own = {name for name, part in rows.groupby("dataset") if "validation" in part and part["validation"].notna().any()}
    without = sorted(set(rows["dataset"]) - own)
    if validation == OWN and without:
        raise UserError(
            f"{where} has no validation accuracy of its own on {', '.join(without)}: a search on it would choose by "
            "test accuracy; to allow that, pass --validation test, and every caption will say so"
        )
    if validation == TEST:
        if not without:
            raise UserError(f"{where} has validation accuracies of its own: leave out --validation test")
        rows["validation"] = float("nan")
