"""Names in another letter case: `DARTS`, as papers write it, for `darts`. What is far from every name is refused by who
looks it up, with the nearest names; by difflib, capitals are far from small letters."""

from __future__ import annotations

from harness.plan.registry import names
from spaces.base import UserError


def check(folder: str, name: str) -> None:
    """UserError where an entry of the folder "spaces", "methods", "protocols" … is called `name` but for the case, or
    with _ for - and spaces."""
    meant = name.casefold().replace("-", "_").replace(" ", "_")
    if name not in names(folder) and meant in names(folder):
        kind = {"proxies": "proxy"}.get(folder, folder.rpartition("/")[2].removesuffix("s"))
        raise UserError(f"unknown {kind} {name!r}: did you mean {meant}?")
