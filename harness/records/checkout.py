"""What git says of the code that runs: its commit, and the files that are not in it.

A commit is named only where the code is a checkout of its own: its top folder is this project's, and its commit holds
this project's files. An archive that was unpacked inside another repository has no commit, nor has a wheel.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

from harness.plan.registry import ROOT

UNKNOWN = "unknown"
CHANGES = "+changes"
SOURCES = ("spaces", "protocols", "methods", "proxies", "harness", "benchmarks", "config", "profiles", "Snakefile")
"""What holds code or configuration. Untracked files elsewhere are results, data or notes: they decide no number."""
OURS = "harness/plan/registry.py"  # a file that every commit of this project has
ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")  # git sets them for its hooks


@cache
def commit() -> str:
    """The commit of the code that runs, with "+changes" where files differ from it; "unknown" outside a checkout."""
    return commit_of(ROOT)


def commit_of(root: Path) -> str:
    """The commit of the checkout at `root`. Where git refuses to read it, one line on stderr says why and the cure."""
    try:
        prefix, head, *_ = _git(root, "rev-parse", "--show-prefix", "HEAD", f"HEAD:{OURS}").splitlines()
        if prefix:  # `root` is a folder inside the checkout
            return UNKNOWN
        changed = _git(root, "diff", "--name-only", "HEAD") or _untracked(root)
    except OSError:  # there is no git
        return UNKNOWN
    except subprocess.CalledProcessError:
        _report_refusal(root)
        return UNKNOWN
    return head + (CHANGES if changed else "")


def uncommitted(root: Path, base: str = "HEAD") -> list[str]:
    """Paths from `root` of the files with code or configuration that the commit `base` lacks or has with other content.
    Empty outside a checkout, and where `base` is no commit that git has."""
    if commit_of(root) == UNKNOWN or not re.fullmatch(r"HEAD|[0-9a-f]{40,64}", base):  # an option of git is no commit
        return []
    try:
        changed = _names(_git(root, "diff", "--name-only", "--no-renames", "-z", base, "--", *SOURCES))
    except subprocess.CalledProcessError:
        return []
    return sorted(path for path in changed | _untracked(root) if (root / path).is_file())


def _untracked(root: Path) -> set[str]:
    """Python files count where git is told to ignore them, too: they can be imported."""
    found = _git(root, "ls-files", "--others", "--exclude-standard", "-z", "--", *SOURCES)
    python = [f"{folder}/*.py" for folder in SOURCES]
    ignored = _git(root, "ls-files", "--others", "--ignored", "--exclude-standard", "-z", "--", *python)
    return _names(found + ignored)


def _names(output: str) -> set[str]:
    return set(output.split("\0")) - {""}


def _git(root: Path, *arguments: str) -> str:
    """The output of a git command about the repository that `root` lies in, whatever hook it runs in. It takes no lock,
    which a job that is killed would leave."""
    environment = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    command = ["git", "--no-optional-locks", "-C", str(root), *arguments]
    done = subprocess.run(command, capture_output=True, check=True, env={**environment, "LC_ALL": "C"})
    return os.fsdecode(done.stdout)


def _report_refusal(root: Path) -> None:
    """One line where there is a checkout at `root` that git does not read; nothing where there is none."""
    if not (root / ".git").exists():
        return
    try:
        _git(root, "rev-parse", "--git-dir")
    except subprocess.CalledProcessError as error:
        reason = os.fsdecode(error.stderr).partition("\n")[0].removeprefix("fatal: ")
        trust = f"git config --global --add safe.directory {root}"
        cure = f"to trust it: {trust}" if "dubious ownership" in reason else "mend that"
        print(f"git does not read the checkout {root}, so records name no commit: {reason}; {cure}", file=sys.stderr)
