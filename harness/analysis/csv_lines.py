"""The lines of a CSV as people save them: any usual separator, byte-order marks, comments, a header in any case.

Python, pandas, R and spreadsheets in any country write them; the first line that is no comment is the header.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

from spaces.base import UserError

SEPARATORS = (",", ";", "\t", "|", " ")
"""A space, as R's write.table puts it, only where no other gives more of the columns that are known."""
MARKS = {
    **{b"\xff\xfe\0\0": "utf-32", b"\0\0\xfe\xff": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"},
    b"\xef\xbb\xbf": "utf-8-sig",
}
"""Byte-order marks, that of Unicode text of spreadsheets among them."""
OTHERS = {
    **{b"PK\3\4": "a workbook or another archive", b"\xd0\xcf\x11\xe0": "an old workbook", b"PAR1": "Parquet"},
    **{b"\x1f\x8b": "compressed (gzip)", b"\xfd7zXZ": "compressed (xz)", b"BZh": "compressed (bzip2)"},
    **{b"[": "JSON", b"{": "JSON", b"<": "HTML or XML", b"%PDF": "PDF", b"SQLite": "a database"},
    b"version https://git-lfs": "a pointer of Git LFS (git lfs pull)",
}
"""How files begin that people take for a CSV."""
UNSEEN = dict.fromkeys(map(ord, "\u200b\u200e\u200f\u2060\ufeff\u00ad\x1a"))
"""Characters that show nothing: a name with one would be another name."""
QUOTES = {"''", "\u2018\u2019", "\u201c\u201d", "\u201e\u201c", "\u00ab\u00bb"}
"""Pairs around a value that are no part of it, beside those that CSV knows."""
RULE = re.compile(r":?[-=+]+:?")
"""A value of the line that Markdown and psql draw below the header."""
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
            self.separator, self._whole = _separator(text, known)
            self._rows = _rows(self._whole, self.separator, known)
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

    def below(self, names: Sequence[str]) -> int:
        """The line that holds these columns, where titles or settings stand above it; 0 for none."""
        lines = enumerate(self._whole.split("\n"), 1)
        split = ((number, re.split(r"[,;\t|]", line.replace('"', ""))) for number, line in lines)
        return next((number for number, line in split if set(names) <= set(map(canonical, line))), 0)

    def _fitted(self, line: int, values: list[str]) -> list[str]:
        surplus = values[len(self.header) :]
        if len(surplus) == 1 and surplus[0] and values[0].isdecimal():
            return values[1:]  # R's write.table numbers the rows, and gives their column no name
        if any(surplus) or len(values) < len(self.header):
            comma = "with a decimal comma, or texts that hold commas" if self.separator == "," else "that hold it"
            few = f"write all its values, empty ones too, or remove it if {shortened(values)} is no run"
            raise UserError(
                f"{self._path}, line {line}: {len(values)} values under {len(self.header)} columns, separated by"
                f" {shown(self.separator)}: {f'put values {comma} in double quotes' if any(surplus) else few}"
            )
        return values[: len(self.header)]

    def _unreadable(self, error: Exception) -> UserError:
        reason: object = error
        if isinstance(error, OSError):
            return UserError(f"{self._path}: {error.strerror}: name a CSV file")
        if isinstance(error, UnicodeDecodeError):
            line = error.object.count(b"\n", 0, error.start) + 1
            reason = f"line {line} holds a byte that {error.encoding.upper()} does not know"
        return UserError(f"{self._path} cannot be read as CSV ({reason}): save it as comma-separated UTF-8 text")


def canonical(name: str) -> str:
    """ "Test Accuracy" and "test-accuracy" are test_accuracy."""
    return re.sub(r"[\s_-]+", "_", name.strip().casefold())


def shown(separator: str) -> str:
    return {"\t": "tabs", " ": "spaces"}.get(separator, f"'{separator}'")


def shortened(values: Sequence[str]) -> str:
    text = " ".join(filter(None, values))
    return repr(text if len(text) <= 40 else f"{text[:37]}...")


def _text(path: Path) -> str:
    """With line ends of one kind, letters with accents as one character, and nothing that cannot be seen."""
    content = path.read_bytes()
    if other := next((name for begin, name in OTHERS.items() if content.startswith(begin)), ""):
        raise UserError(f"{path} is {other}: save its table as comma-separated UTF-8 text")
    coding = next((coding for mark, coding in MARKS.items() if content.startswith(mark)), "utf-8")
    if coding == "utf-8" and b"\0" in content[:2]:  # UTF-16 of ASCII, without a mark
        coding = "utf-16-be" if content[:1] == b"\0" else "utf-16-le"
    text = unicodedata.normalize("NFC", content.decode(coding).translate(UNSEEN))
    if "\0" in text:
        line = text.partition("\0")[0].count("\n") + 1
        raise UserError(f"{path}, line {line} holds a zero byte, which no text does: save it as UTF-8 text")
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
    try:
        for found in reader:
            values = [_bare(value.strip()) for value in found]
            if not all(value == "" or RULE.fullmatch(value) for value in values):
                yield reader.line_num, values
    except csv.Error as error:
        raise csv.Error(f"line {reader.line_num}: {error}") from None


def _bare(value: str) -> str:
    return value[1:-1].strip() if len(value) > 1 and value[0] + value[-1] in QUOTES else value


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
