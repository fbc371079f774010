"""What has been trained for a table so far: a file with a line for each training, so that a run that was killed goes
on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spaces.base import UserError

Key = tuple[str, int]
"""An architecture's text, and the number of the run."""
Rows = list[tuple[int, float | None, float | None]]
"""(epochs, validation accuracy, test accuracy), the cheapest first; none where the training diverged."""

CONFIRMED = 3
"""Trainings that are repeated where the code has changed since the last ones."""


class Trained:
    """A context: the file is open inside. Its first line says what the trainings are made from; a line that was cut, as
    by a kill, is trained again."""

    def __init__(self, path: Path, identity: str, code: str):
        """identity, code: hashes of what decides the numbers."""
        self.path, self.identity, self.code = path, identity, code
        self.rows: dict[Key, Rows] = {}
        self._codes: list[str] = []

    def __enter__(self) -> Trained:
        """UserError where the file belongs to something else, or cannot be read or written."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lines = self.path.read_bytes().splitlines(keepends=True) if self.path.exists() else []
        whole = [line for line in lines if line.endswith(b"\n")]
        for number, line in enumerate(whole, 1):
            self._read(number, line)
        self._file = open(self.path, "r+b" if lines else "wb")
        self._file.truncate(sum(map(len, whole)))
        self._file.seek(0, 2)
        if not whole:
            self._write({"identity": self.identity, "code": self.code})
            self._codes.append(self.code)
        return self

    def __exit__(self, *error: Any) -> None:
        self._file.close()

    def _read(self, number: int, line: bytes) -> None:
        try:
            content = json.loads(line)
            if "code" in content:
                self._codes.append(content["code"])
            if number > 1 and "arch" in content:
                self.rows[content["arch"], content["seed"]] = [tuple(row) for row in content["rows"]]
            same = number > 1 or content["identity"] == self.identity
        except (ValueError, KeyError, TypeError):
            raise UserError(f"{self.path}: line {number} was changed: delete the file, or from that line on") from None
        if not same:
            raise UserError(
                f"{self.path} holds trainings by another protocol, of other images or with other numerics: delete it, "
                "or name another --work"
            )

    def confirm(self, train: Callable[[str, int], Rows]) -> None:
        """Where the code has changed since the last training, trains a few again. UserError where they differ."""
        if self._codes[-1] == self.code:
            return
        keys = list(self.rows)
        for key in keys[:: max(1, len(keys) // CONFIRMED)]:
            if [tuple(row) for row in train(*key)] != self.rows[key]:
                raise UserError(
                    f"{self.path} was made by other code, and today's gives {key[0]} another accuracy: delete it, or "
                    "name another --work"
                )
        self._write({"code": self.code})

    def add(self, key: Key, rows: Rows) -> None:
        """One more training, on the disk when this returns to the kernel."""
        self.rows[key] = rows
        self._write({"arch": key[0], "seed": key[1], "rows": rows})

    def _write(self, content: dict[str, Any]) -> None:
        try:
            self._file.write(json.dumps(content).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise UserError(
                f"cannot write {self.path}: {error.strerror}: mend that, the same command goes on"
            ) from None
