"""The report of results that no pipeline made: one page that needs nothing beside it, in the order of the pipeline's
report and with its captions."""

from __future__ import annotations

import base64
import re
from html import escape
from pathlib import Path

import pandas as pd
from docutils.core import publish_parts

from harness.report.outline import CAPTIONS, caption, contents
from harness.report.tables.compared import span
from harness.report.typeset import HTML_STYLE, write

NAME = "report.html"
STYLE = """
body { max-width: 100em; margin: 1.5em auto; padding: 0 1.5em; } h1 { font-size: 1.6em; } h2 { margin-top: 2.5em; }
h2 { border-bottom: 1px solid #bbb; } h3 { margin: 2em 0 0.3em; } nav a { margin-right: 1.2em; white-space: nowrap; }
a { color: #0b5394; } .caption { border-left: 3px solid #bbb; padding-left: 0.9em; color: #444; }
.caption p { margin: 0.3em 0; }
.table { overflow-x: auto; } img { max-width: 100%; height: auto; margin-top: 0.8em; }
"""
ENLARGED = 1.4
"""Figures are as wide as a paper's column or two: larger on a screen."""
WANTED = {
    "verdicts": "a method beside the random architectures",
    "depth": "random architectures (arch) at several depths (cells)",
    "cost_": "the images that searches and trainings have seen",
    "costs": "parameters or macs",
    "accuracy_macs": "macs",
    "search_curves": "what searches log",
    "courses": "what searches log",
    "architectures_": "architectures (arch) of methods",
    "critical_difference": "a dataset on which every method has a result",
    "ranking": "a dataset on which every method has a result",
    "variance": "several datasets, or an architecture (arch) trained more than once",
    "protocol": "records",
    "run_times": "records",
}
"""What a result is made of, by the beginning of its file's name: said where it is left out."""


def write_page(tables: Path, figures: Path) -> list[str]:
    """Writes report.html into `tables` from the files that lie there and in `figures`; returns the titles of what is
    left out, because the results hold nothing of it."""
    improvement = pd.read_csv(tables / "relative_improvement.csv")
    n = f"{span(improvement['n_method'])} runs a method against {span(improvement['n_random'])} random architectures"
    spaces = pd.read_csv(tables / "accuracies.csv", dtype={"space": str}, keep_default_na=False)["space"]
    folders, body, left = {"tables": tables, "figures": figures}, [], []
    for heading, titles in contents(spaces).items():
        shown = []
        for i, (title, file) in enumerate(titles.items(), 1):
            named, place = f"{heading[0]}.{i} {title}", folders[Path(file).parts[0]] / Path(file).name
            if _is_empty(place):
                left.append(f"{named} (needs {_wanted(place.name)})")
            else:
                shown += [f"<h3>{escape(named)}</h3>", _caption(caption(file), n), _result(place, named)]
        if shown:
            body += [f'<h2 id="{heading[0]}">{escape(heading)}</h2>', *shown]
    write(tables / NAME, "\n".join(_whole(body, left, n)) + "\n")
    return left


def _whole(body: list[str], left: list[str], n: str) -> list[str]:
    found = [line for line in body if line.startswith("<h2")]
    links = [line.replace('<h2 id="', '<a href="#').replace("</h2>", "</a>") for line in found]
    missing = [f"<li>{escape(line)}</li>" for line in left]
    return [
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Against random architectures</title>',
        f"<style>{HTML_STYLE}{STYLE}</style></head><body>",
        "<h1>Against random architectures</h1>",
        _rendered(CAPTIONS / "foreign.rst", n),
        f"<nav>{''.join(links)}</nav>",
        *body,
        *(
            ["<h2>Left out</h2>", "<p>The results hold nothing of it:</p>", f"<ul>{''.join(missing)}</ul>"]
            if left
            else []
        ),
        "</body></html>",
    ]


def _is_empty(place: Path) -> bool:
    return not len(pd.read_csv(place.with_name(f"{place.name}.csv"), keep_default_na=False))


def _wanted(name: str) -> str:
    return next((said for begin, said in WANTED.items() if name.startswith(begin)), WANTED["verdicts"])


def _caption(path: Path, n: str) -> str:
    return f'<div class="caption">{_rendered(path, n)}</div>'


def _rendered(path: Path, n: str) -> str:
    text = path.read_text(encoding="utf-8").replace("{{ snakemake.params.n }}", n)
    return publish_parts(text, writer="html", settings_overrides={"_disable_config": True})["body"]


def _result(place: Path, title: str) -> str:
    """A table's own page without its head, or a figure."""
    page = place.with_name(f"{place.name}.html")
    if page.exists():
        body = page.read_text(encoding="utf-8").partition("<body>")[2].partition("</body>")[0]
        return f'<div class="table">{body}</div>'
    svg = place.with_name(f"{place.name}.svg").read_bytes()
    width = ENLARGED * float(re.search(rb'<svg[^>]* width="([\d.]+)pt"', svg)[1])
    encoded = base64.b64encode(svg).decode()
    return f'<img style="width: {width:.0f}pt" alt="{escape(title)}" src="data:image/svg+xml;base64,{encoded}">'
