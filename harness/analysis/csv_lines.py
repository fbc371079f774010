"""The lines of a CSV as people save them: any usual separator, byte-order marks, comments, a header in any case.

Python, pandas, R and spreadsheets in any country write them; the first line that is no comment is the header.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from spaces.base import UserError

SEPARATORS = (",", ";", "\t", "|", " ")
"""A space, as R's write.table puts it, only where no other gives more of the columns that are known."""
MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
"""Byte-order marks of what spreadsheets call Unicode text; that of UTF-8 needs no entry."""
Line = tuple[int, list[str]]


class Lines:
    """`header`: names in lower case, words joined by underscores, as on line `header_line`; `named`: as they stand in
    the file. Iterating gives (line number, values) of each line below, as many values as names; comments, blank lines
    and repeated headers are left out, spaces around values removed."""

    def __init__(self, path: Path, known: Sequence[str]) -> None:
        """known: columns by which the separator is told, in lower case. UserError where the file is no text."""
        self._path = path
        try:
            text = _text(path)
            self.separator, text = _separator(text, known)
            self._rows = _rows(text, self.separator, known)
            self.header_line, self.named = next(self._rows, (1, []))
        except (OSError, UnicodeError, csv.Error) as error:
            raise self._unreadable(error) from None
        while self.named and self.named[-1] == "" and len(self.named) > 1 and "" not in self.named[:-1]:
            self.named.pop()
        self.header = [canonical(name) for name in self.named]

    def __iter__(self) -> Iterator[Line]:
        try:
            for line, values in self._rows:
                if [canonical(value) for value in values][: len(self.header)] != self.header:
                    yield line, self._fitted(line, values)
        except csv.Error as error:
            raise self._unreadable(error) from None

    def _fitted(self, line: int, values: list[str]) -> list[str]:
        surplus = values[len(self.header) :]
        if len(surplus) == 1 and surplus[0] and values[0].isdecimal():
            return values[1:]  # R's write.table numbers the rows, and gives their column no name
        if any(surplus) or len(values) < len(self.header):
            comma = "with a decimal comma, or texts that hold commas" if self.separator == "," else "that hold it"
            raise UserError(
                f"{self._path}, line {line}: {len(values)} values under {len(self.header)} columns, separated by"
                f" {shown(self.separator)}: put values {comma} in double quotes"
            )
        return values[: len(self.header)]

    def _unreadable(self, error: Exception) -> UserError:
        reason = getattr(error, "strerror", None) or error
        return UserError(f"{self._path} cannot be read as CSV ({reason}): save it as comma-separated UTF-8 text")


def canonical(name: str) -> str:
    """ "Test Accuracy" and "test-accuracy" are test_accuracy."""
    return re.sub(r"[\s_-]+", "_", name.strip().casefold())


def shown(separator: str) -> str:
    return {"\t": "tabs", " ": "spaces"}.get(separator, f"'{separator}'")


def _text(path: Path) -> str:
    """With line ends of one kind."""
    content = path.read_bytes()
    text = content.decode(MARKS.get(content[:2], "utf-8-sig"))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _separator(text: str, known: Sequence[str]) -> tuple[str, str]:
    """The separator, and the text without a first line `sep=;`, of which an empty line is left."""
    if stated := re.match(r'"?sep=(\\t|.)"?[ ,;\t]*\n', text, re.IGNORECASE):
        return stated[1].replace("\\t", "\t"), text[stated.end() - 1 :]

    def columns(separator: str) -> tuple[int, int]:
        try:
            header = next(_rows(text, separator, known), (0, []))[1]
        except csv.Error:
            return -1, 0
        return len({canonical(name) for name in header} & set(known)), 0 if separator == " " else len(header)

    return max(SEPARATORS, key=columns), text


def _rows(text: str, separator: str, known: Sequence[str]) -> Iterator[Line]:
    reader = csv.reader(_uncommented(text, separator, known), strict=True, delimiter=separator, skipinitialspace=True)
    for values in reader:
        if any(value.strip() for value in values):
            yield reader.line_num, [value.strip() for value in values]


def _uncommented(text: str, separator: str, known: Sequence[str]) -> Iterator[str]:
    """The lines, with an empty one in place of each comment, so that line numbers stay; a comment that holds the known
    columns is the header, as numpy writes it."""
    quoted = False
    for line in io.StringIO(text):
        comment = not quoted and line.lstrip().startswith("#")
        if comment and len(names := {canonical(name) for name in line.lstrip(" #").split(separator)} & set(known)) > 1:
            comment, line = len(names) < min(4, len(known)), line.lstrip(" #")
        if not comment:
            quoted ^= line.count('"') % 2 == 1
        yield "\n" if comment else line
