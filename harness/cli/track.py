"""`track`: records shown in MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.base import command
from harness.cli.parts import benchmark, options
from harness.cli.parts.values import COUNT
from spaces.base import UserError

if TYPE_CHECKING:
    from harness.analysis.analysis import Analysis
    from harness.tracking.view import Drawings

PICTURES = Path("work/drawings")
FOLLOW_SECONDS = 30


@command(
    one_of=options.RECORDS,
    examples="""
python -m harness track --config config/default.yaml
python -m harness track --records results/laptop/records   # of all configurations, in the experiment laptop
""",
)
@options.records
@click.option("--experiment", help="Its name in MLflow.  [default: PROTOCOL-CONFIGURATION; with --records PROTOCOL]")
@click.option(
    "--follow",
    type=COUNT,
    is_flag=False,
    flag_value=FOLLOW_SECONDS,
    metavar="SECONDS",
    help="Go on until SIGTERM: import new records every so many seconds.  [default without a number: 30]",
)
def track(
    records: Path | None,
    config: Path | None,
    override: tuple[tuple[str, Any], ...],
    experiment: str | None,
    follow: int | None,
) -> None:
    """Show records in MLflow.

    Imports what is missing there, each record once. Of a configuration these are the records that belong to it.
    """
    if follow:
        _follow(follow, config, override)
        return
    from harness.records import below
    from harness.records.belonging import held
    from harness.tracking import sync
    from harness.tracking.ledger import LEDGER

    if config:
        chosen = benchmark.benchmark(config, override)
        experiment = experiment or chosen.title
        paths = [one.path for one in held(chosen) if one.record]
    elif records and records.is_dir():
        paths = below(records)
    else:
        raise UserError(f"{records} is no folder: track shows records, name the folder that they are in")
    print(sync.sync(paths, drawings=_drawings(), experiment=experiment or "", ledger=LEDGER))


def _follow(seconds: int, config: Path | None, override: tuple[tuple[str, Any], ...]) -> None:
    if not config:
        raise UserError("track --follow needs --config: it follows a benchmark that runs")
    from harness.tracking import follow

    drawings = _drawings()._replace(comparison=None)  # they change with every record; the end's `track` draws them
    follow.follow(benchmark.benchmark(config, override), drawings, seconds)


def _drawings() -> Drawings:
    """The libraries are loaded when there is something to draw."""
    from harness.tracking.view import Drawings

    return Drawings(_draw, PICTURES, _compare)


def _draw(space: str, text: str, path: Path) -> None:
    from harness.report.figures.drawing import draw

    draw(space, text, path)


def _compare(analysis: Analysis, dataset: str, folder: Path) -> None:
    from harness.report.build import of_dataset

    of_dataset(analysis, dataset, folder)
