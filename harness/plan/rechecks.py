"""Declarations that code which changed gives the same numbers: results/<protocol>/recheck.json.

`python -m harness recheck` writes one after it has replayed finished runs under today's code and found equal results. A
declaration says of a hash of today's code which hash of earlier code it stands for, and which replays show it. The file
carries the sha256 of its content, as records do: one that was edited is refused.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from harness.plan.fingerprints import hash_of
from spaces.base import UserError

NAME = "recheck.json"


def path(protocol: str) -> Path:
    """Where the declarations for a protocol's records lie: beside the folder of records."""
    return Path("results") / protocol / NAME


@cache
def stands_for(protocol: str) -> dict[str, str]:
    """Hash of today's code -> hash of the earlier code whose records it may keep."""
    return {new: old for entry in read(path(protocol)) for new, old in entry["same"].items()}


def read(file: Path) -> list[dict[str, Any]]:
    """The declarations, the oldest first, [] where there are none: `same` {hash of the new code: hash of the old},
    `modules` that differ, `replays` (names of the runs that were done again), date, commit, machine. UserError where
    the file was cut or edited."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        rechecks, intact = content["rechecks"], content["sha256"] == hash_of(content["rechecks"])
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (ValueError, KeyError, TypeError):
        intact = False
    if not intact:
        raise UserError(f"{file} was cut or edited: delete it and run `python -m harness recheck` again")
    return list(rechecks)


def content(rechecks: list[dict[str, Any]]) -> bytes:
    """What the file holds."""
    return json.dumps({"rechecks": rechecks, "sha256": hash_of(rechecks)}, indent=1, sort_keys=True).encode() + b"\n"
