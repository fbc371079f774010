"""What comes with the project beside its code: the Snakefile, profiles/, config/*.yaml, and its version.

A checkout has these files in its root, where users see them; a wheel carries them inside the package (pyproject.toml).
"""

from __future__ import annotations

from pathlib import Path

from harness.plan.registry import ROOT

INSTALLED = ROOT / "harness" / "shipped"
SHIPPED = INSTALLED if INSTALLED.is_dir() else ROOT
"""The folder that holds the Snakefile, profiles/ and config/."""


def shipped(path: Path) -> Path:
    """The path itself; where only the project has a file of that name, the project's."""
    return path if path.exists() or not (SHIPPED / path).exists() else SHIPPED / path


def version() -> str:
    """ "0.1.0"; in a checkout as pyproject.toml says it, which an earlier editable installation may not know yet."""
    import tomllib
    from importlib import metadata

    if SHIPPED == INSTALLED:
        return metadata.version("nas-vs-random")
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])
