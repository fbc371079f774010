"""Real git repositories, which know nothing of the settings of whoever runs the tests."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ISOLATED = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
AUTHOR = ("-c", "user.name=Test", "-c", "user.email=test@localhost")


def git(folder: Path, *arguments: str) -> str:
    """The output of a git command in a folder; CalledProcessError where it fails."""
    command = ["git", *AUTHOR, "-C", str(folder), *arguments]
    environment = {**os.environ, **ISOLATED}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.strip()


def committed(folder: Path) -> str:
    """Makes a folder a repository and commits all that is in it; the commit."""
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", "all of it")
    return git(folder, "rev-parse", "HEAD")


def write(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
