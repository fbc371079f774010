"""Tables and reports as HTML, from the templates beside this file."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from harness.report.typeset import Table, fold_names

TEMPLATES = Environment(
    loader=PackageLoader("harness.report"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    undefined=StrictUndefined,
)


def table_page(title: str, table: Table) -> str:
    """A page of its own, as Snakemake's report shows it: caption, table, notes."""
    return TEMPLATES.get_template("table.html").render(title=title, table=fold_names(table))
