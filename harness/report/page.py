"""The report: one page that needs nothing beside it, in the order of Snakemake's report and with its captions."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from docutils.core import publish_parts
from jinja2 import Template
from markupsafe import Markup

from harness.report.html import TEMPLATES
from harness.report.outline import CAPTIONS, contents, entry_of
from harness.report.typeset import Table, fold_names

ENLARGED = 1.4
"""Figures are as wide as a paper's column or two: larger on a screen."""


@dataclass(frozen=True)
class Result:
    """A table, or a figure as SVG in base64 with its width in points."""

    title: str
    caption: Markup
    table: Table | None = None
    svg: str = ""
    width: int = 0


def report_page(
    tables: Mapping[str, Table], figures: Mapping[str, Path], spaces: list[str], n: str, introduction: str
) -> tuple[str, list[str]]:
    """(the page, the titles of what it leaves out with what they need).

    tables, figures: by file, those with content, figures as paths of SVG files; n: what the captions say of n;
    introduction: the name of the text that the page begins with.
    """
    headings: dict[str, list[Result]] = {}
    left_out = []
    for heading, files in contents(spaces).items():
        for i, (name, file) in enumerate(files.items(), 1):
            title, entry = f"{heading[0]}.{i} {name}", entry_of(file)
            if file in tables:
                result = Result(title, _rendered(entry.text, n), table=fold_names(tables[file]))
            elif file in figures:
                svg, width = _picture(figures[file])
                result = Result(title, _rendered(entry.text, n), svg=svg, width=width)
            else:
                left_out.append(f"{title} (needs {entry.needs})")
                continue
            headings.setdefault(heading, []).append(result)
    page = TEMPLATES.get_template("report.html").render(
        title="Against random architectures",
        introduction=_rendered(CAPTIONS / f"{introduction}.rst", n),
        headings=headings,
        left_out=left_out,
    )
    return page, left_out


def _rendered(caption: Path, n: str) -> Markup:
    """As Snakemake's report renders it: first its template, then its markup."""
    text = Template(caption.read_text(encoding="utf-8")).render(snakemake={"params": {"n": n}})
    return Markup(publish_parts(text, writer="html", settings_overrides={"_disable_config": True})["body"])


def _picture(path: Path) -> tuple[str, int]:
    svg = path.read_bytes()
    points = re.search(rb'<svg[^>]* width="([\d.]+)pt"', svg)
    assert points, f"{path}: matplotlib gives every SVG a width"
    return base64.b64encode(svg).decode(), round(ENLARGED * float(points[1]))
