"""`tables`: all tables and figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.base import command
from harness.cli.parts import benchmark, options
from harness.cli.parts.values import PATH

EXAMPLES = """
python -m harness tables --records results.csv --out judged   # anyone's numbers; judged/report.html shows all
"""


@command(one_of=options.RECORDS, examples=EXAMPLES)
@options.records
@click.option("--out", type=PATH, required=True, help="Folder of the tables.")
@click.option("--figures", type=PATH, help="Folder of the figures.  [default: figures/ in the folder of the tables]")
def tables(out: Path, figures: Path | None, **source: Any) -> None:
    """Make all tables and figures from records or from a CSV, and a report that shows them on one page.

    The report is report.html in the folder of the tables.
    """
    from harness.report import build

    report = "foreign" if source["records"] else "run"
    studies = benchmark.studies(**source)
    left = build.build(benchmark.records(**source), out, figures, report=report, studies=studies)
    print(f"{out / build.REPORT}: all tables and figures; {len(left)} left out, which it names")
