"""All tables and figures, from records or from a CSV: the same input gives the same bytes.

Only `run_times` and `study_times` depend on the machine's speed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.analysis.results import read_results
from harness.plan import titles
from harness.plan.studies import Study
from harness.records import below, sums
from harness.report.html import table_page
from harness.report.latex import latex
from harness.report.outline import Entry, entries
from harness.report.page import report_page
from harness.report.staging import staged
from harness.report.tables.base import samples
from harness.report.typeset import Table, markdown, named, write, write_csv

REPORT = "report.html"
FORMATS = ("png", "svg", "pdf")
OF_DATASET = (("tables", "relative_improvement"), ("figures", "ri"))
ORIGIN = ("source", "protocol", "machine", "commit")


def build(
    records: Path | Sequence[Path],
    out: Path,
    figures: Path | None = None,
    about: Mapping[str, str] | None = None,
    report: str | None = None,
    studies: Sequence[Study] | None = None,
    pictures: bool = True,
) -> list[str]:
    """Writes the tables into `out` and the figures into `figures` (`out`/figures by default) from a folder of
    records, a list of them, or a CSV (see `foreign`).

    `about` adds to, or replaces, what the captions say of where the records come from: source, protocol, machine,
    commit. UserError where the input cannot be trusted. Where anything fails, nothing is written, and an older set
    stays as it was. SHA256SUMS in `out` names the input and all that was made of it. `report`: also all of it
    as one page, `out`/report.html, with the introduction of this name (captions/); returns what that leaves out.
    `studies`: those of the configuration; without it, None, everything that was trained is one study. Without
    `pictures`, figures are their data alone, and there is no report.
    """
    analysis = Analysis(read_results(records), studies)
    figures = figures or out / "figures"
    left_out: list[str] = []
    with staged(out, figures, stale=_of_another_space) as (new, drawn_in):
        tables, data = write_tables(analysis, new, about), write_data(analysis, drawn_in)
        drawn = draw_figures(analysis, data, drawn_in) if pictures else {}
        if report:
            page, left_out = report_page(tables, drawn, analysis.spaces, samples(analysis.relative_improvement), report)
            write(new / REPORT, page)
        made = [place / path.name for place, of in ((out, new), (figures, drawn_in)) for path in of.iterdir()]
    sources = [records] if isinstance(records, Path) else records
    read = [file for source in sources for file in (below(source) if source.is_dir() else [source])]
    sums.write(out, {*read, *made})
    return left_out


def _of_another_space(path: Path) -> bool:
    """Whether a file is a figure of a space that these results do not have: one of an older set."""
    kinds = {".csv", *(f".{kind}" for kind in FORMATS)}
    names = [f"{entry.name}_" for entry in entries("figures") if entry.per_space]
    return path.suffix in kinds and path.name.startswith(tuple(names))


def write_tables(analysis: Analysis, out: Path, about: Mapping[str, str] | None = None) -> dict[str, Table]:
    """Writes every table into the folder `out`, as CSV, Markdown, HTML and LaTeX; a table without rows says so. Returns
    those with rows, by their file in the report."""
    made = origin({**analysis.results.about, **(about or {})})
    written = {}
    for entry in entries("tables"):
        module, path = entry.module(), out / entry.name
        table = named(module.layout(analysis, made))
        write_csv(path.with_suffix(".csv"), module.numbers(analysis))
        write(path.with_suffix(".html"), table_page(entry.name, table))
        write(path.with_suffix(".md"), markdown(table))
        write(path.with_suffix(".tex"), latex(table))
        if table.rows:
            written[f"tables/{entry.name}"] = table
    return written


def write_data(analysis: Analysis, out: Path) -> dict[str, tuple[Entry, pd.DataFrame]]:
    """Writes the data of every figure into the folder `out`, as CSV; returns it by the figure's name."""
    found = {name: (entry, data) for entry in entries("figures") for name, data in figure_data(entry, analysis).items()}
    for name, (_, data) in found.items():
        write_csv(out / f"{name}.csv", data)
    return found


def draw_figures(analysis: Analysis, figures: Mapping[str, tuple[Entry, pd.DataFrame]], out: Path) -> dict[str, Path]:
    """Writes figures into the folder `out`, as PNG, SVG and PDF; a figure without data, or with too many panels,
    says so. Returns the SVG files of those with data, by their file in the report."""
    from harness.report.figures import fonts, style

    style.set_style()
    colours = style.colours(analysis.methods)
    drawn = {}
    with fonts.boxes_said():
        for name, (entry, data) in figures.items():
            try:
                figure = entry.module().draw(data, colours) if len(data) else style.nothing(name)
            except style.TooMany as error:
                figure = style.nothing(name, str(error))
            style.save(figure, out / name)
            if len(data):
                drawn[f"figures/{name}"] = out / f"{name}.svg"
    return drawn


def of_dataset(analysis: Analysis, dataset: str, out: Path) -> None:
    """The rows of one dataset in the table of relative improvements, table.html, and their forest plot, forest.*."""
    from harness.report.figures import fonts, style

    table, plot = (next(each for each in entries(kind) if each.name == name).module() for kind, name in OF_DATASET)
    shown = named(table.layout(analysis, origin(analysis.results.about)))
    rows = [row for row, of in zip(shown.rows, analysis.relative_improvement["dataset"]) if of == dataset]
    write(
        out / "table.html",
        table_page(f"relative improvement on {titles.dataset(dataset)}", replace(shown, rows=rows, bold=())),
    )
    data = plot.data(analysis)
    if len(data := data[data["dataset"] == dataset]):
        style.set_style()
        with fonts.boxes_said():
            style.save(plot.draw(data, style.colours(analysis.methods)), out / "forest")


def figure_data(entry: Entry, analysis: Analysis) -> dict[str, pd.DataFrame]:
    """The data of a figure by the name of its file: of one, or of one per space."""
    data = entry.module().data(analysis)
    if not entry.per_space:
        return {entry.name: data}
    return {entry.of_space(space): data[data["space"] == space] for space in analysis.spaces}


def origin(about: Mapping[str, str]) -> str:
    """ "Protocol laptop-1; machine …; commit 0123456789ab." from what is known of the records."""
    names = [*(name for name in ORIGIN if name in about), *sorted(set(about) - set(ORIGIN))]
    sentence = "; ".join(f"{name} {about[name]}" for name in names)
    sentence = re.sub(r"\b([0-9a-f]{12})[0-9a-f]{28}\b", r"\1", sentence)
    return f"{sentence[0].upper()}{sentence[1:]}." if sentence else ""
