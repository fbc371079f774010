"""`track`: records shown in MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.base import command
from harness.cli.parts import benchmark, options
from harness.cli.parts.values import COUNT
from spaces.base import UserError

PICTURES = Path("work/drawings")
FOLLOW_SECONDS = 30


@command(one_of=options.RECORDS, examples="python -m harness track --records results/laptop/records")
@options.records
@click.option(
    "--follow",
    type=COUNT,
    is_flag=False,
    flag_value=FOLLOW_SECONDS,
    metavar="SECONDS",
    help="Go on until SIGTERM: import new records every so many seconds.  [default without a number: 30]",
)
def track(follow: int | None, **source: Any) -> None:
    """Show records in MLflow.

    Imports what is missing there, each record once.
    """
    if follow:
        _follow(follow, **source)
        return
    found = benchmark.records(**source)
    if isinstance(found, Path) and not found.is_dir():
        raise UserError(f"{found} is no folder: track shows records, name the folder that they are in")
    from harness import records
    from harness.tracking import sync
    from harness.tracking.ledger import LEDGER

    paths = records.below(found) if isinstance(found, Path) else found
    print(sync.sync(paths, drawing=_draw, pictures=PICTURES, ledger=LEDGER))


def _follow(seconds: int, records: Path | None, config: Path | None, override: tuple[tuple[str, Any], ...]) -> None:
    if not config:
        raise UserError("track --follow needs --config: it follows a benchmark that runs")
    from harness.tracking import follow

    follow.follow(benchmark.benchmark(config, override), _draw, PICTURES, seconds)


def _draw(space: str, text: str, path: Path) -> None:
    """The drawing library is loaded when there is something to draw."""
    from harness.report.figures.drawing import draw

    draw(space, text, path)
