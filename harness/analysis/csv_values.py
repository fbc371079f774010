"""The values of a CSV as programs and people write them: 85.1, 85,1, 85.1%, 3.0, 1e+05, NA."""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation
from pathlib import Path

from spaces.base import UserError

MISSING = {"", "na", "n/a", "nan", "<na>", "#n/a", "null", "none", "nil", "-", "–", "—", "?", "."}
"""How R, pandas, spreadsheets and people write that there is no value, in lower case."""
SPREAD = re.compile(r"\d%?\s*(±|\+/?-|\\pm|\()\s*\d")
"""94.96 ± 0.31, 94.96 +/- 0.31, 94.96 (0.31)"""
TRUE, FALSE = {"true", "t", "1", "1.0", "yes", "y"}, {"false", "f", "0", "0.0", "no", "n"}
DONE = "done"
FINE = {DONE, "ok", "success", "successful", "succeeded", "complete", "completed", "finished"}
"""A status in any of these words, or a missing one, is `DONE`."""


class Value:
    """One value of a CSV and where it stands, for messages."""

    def __init__(self, path: Path, line: int, name: str, text: str) -> None:
        self.where, self.name, self.text = f"{path}, line {line}", name, text

    @property
    def missing(self) -> bool:
        return self.text.lower() in MISSING

    def named(self) -> str:
        """A text that must be there."""
        if not self.text:
            raise UserError(f"{self.where}: {self.name} is empty: write its name, or remove the line if it is no run")
        return self.text

    def count(self, least: int = 0, bits: int = 63) -> int:
        """A whole number; also as 3.0, 1e+05 and 3,300,000, but not as 1,000: that is 1 where commas are decimal."""
        try:
            number = Decimal("nan" if re.search(r"^\d{1,3},000$", self.text) else self._plain())
            if number != number.to_integral_value() or not least <= number < 2**bits:
                raise InvalidOperation
        except InvalidOperation:
            raise UserError(
                f"{self.where}: {self.name} is {self.text!r}: write a whole number from {least} on"
            ) from None
        return int(number)

    def accuracy(self) -> float:
        """A fraction or a percentage, as written; its sign is left out."""
        text = self._plain().removesuffix("%").rstrip()
        try:
            value = float(text) if re.fullmatch(r"[-+\d.eE]+", text) else math.nan
        except ValueError:
            value = math.nan
        if SPREAD.search(self.text):
            raise UserError(
                f"{self.where}: accuracy {self.text!r} is a mean and its spread, and a line is one run: docs/using.md,"
                " A published table, says what such numbers are enough for"
            )
        if not math.isfinite(value):
            raise UserError(
                f"{self.where}: accuracy {self.text.removesuffix('%')!r} is not a number: give the run a status that"
                " says why it has none, or leave it out"
            )
        if not 0 <= value <= 100:
            raise UserError(f"{self.where}: accuracy {text} lies outside 0 to 100: write a fraction or a percentage")
        return value

    def truth(self) -> bool:
        if self.text.lower() not in TRUE | FALSE:
            raise UserError(
                f"{self.where}: {self.name} is {self.text!r}: write true for a training that a run is judged by, or"
                " false"
            )
        return self.text.lower() in TRUE

    def _plain(self) -> str:
        """With a decimal point: "85,1" is 85.1, "3,300,000" is 3300000."""
        if re.fullmatch(r"[-+]?\d{1,3}([,.' ]\d{3}){2,}", self.text):
            return re.sub(r"[,.' ]", "", self.text)
        return re.sub(r"^([-+]?\d*),(\d+(?:[eE][-+]?\d+)?\s*%?)$", r"\1.\2", self.text)
