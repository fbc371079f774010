"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from spaces.base import UserError


def write_atomically(path: Path, content: bytes) -> None:
    """Whole or not at all, on the disk when this returns. UserError where the disk is full or cannot be written."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}: mend that and run the same command again") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
