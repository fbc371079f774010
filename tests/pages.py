"""What the documentation's pages are made of: fences, command lines, headings and links."""

from __future__ import annotations

import re
from typing import NamedTuple

from harness import registry

PAGES = sorted([*registry.ROOT.glob("*.md"), *registry.ROOT.glob("docs/*.md")])


class Fence(NamedTuple):
    """A block of code. `file`: the path that the words before it give it, "" where they give none."""

    language: str
    file: str
    code: str


def text(page: str) -> str:
    return (registry.ROOT / page).read_text(encoding="utf-8")


def fences(page: str) -> list[Fence]:
    pattern = re.compile(r"(?:[Tt]he file `([^`]+)`:\n\n)?^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    return [Fence(language, file, code) for file, language, code in pattern.findall(page)]


def section(page: str, heading: str) -> str:
    """From a heading of the second level to the next one."""
    return re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)[1]
