"""What the documentation's pages are made of: fences, command lines, headings and links."""

from __future__ import annotations

import re
from typing import NamedTuple

from harness.plan import registry

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


def commands(page: str) -> list[str]:
    """Every `python -m harness …` line, of fences, of indented blocks and within text; continued lines joined. Those
    with an ellipsis are no whole commands."""
    joined = re.sub(r"\\\n\s*", " ", page)
    quoted = [
        " ".join(code.split()) for code in re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", joined, flags=re.DOTALL))
    ]
    lines = [line.strip() for fence in fences(joined) if fence.language == "bash" for line in fence.code.splitlines()]
    lines += [line.strip() for line in joined.splitlines() if line.startswith("    ")]
    return [line for line in [*quoted, *lines] if line.startswith("python -m harness") and "COMMAND" not in line]


def links(page: str) -> list[str]:
    """Relative targets of links and images."""
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", page, flags=re.DOTALL)
    found = re.findall(r"\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"", prose)
    return [target for target in map("".join, found) if not re.match(r"[a-z]+:", target)]


def anchors(page: str) -> set[str]:
    """Of the headings, as GitHub names them."""
    prose = re.sub(r"```.*?```", "", page, flags=re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def section(page: str, heading: str) -> str:
    """From a heading to the next one that is not below it."""
    prose = re.sub(r"```.*?```", lambda fence: fence[0].replace("#", " "), page, flags=re.DOTALL)
    begin = re.search(rf"^(#+) {re.escape(heading)}\n", prose, re.MULTILINE)
    end = re.compile(rf"^#{{1,{len(begin[1])}}} |\Z", re.MULTILINE).search(prose, begin.end())
    return page[begin.end() : end.start()]


def tables(page: str) -> list[list[dict[str, str]]]:
    """Every table as its rows, each a cell by column."""
    found = []
    for block in re.findall(r"(?:^\|.*\|\n){3,}", page, re.MULTILINE):
        header, _, *rows = ([cell.strip() for cell in line[1:-1].split("|")] for line in block.splitlines())
        found.append([dict(zip(header, row)) for row in rows])
    return found
