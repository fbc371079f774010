"""`status`: how a benchmark stands."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.base import command
from harness.cli.parts import options
from harness.cli.parts.benchmark import benchmark
from harness.cli.parts.values import COUNT

if TYPE_CHECKING:
    from harness.plan.config import Config
    from harness.running.status import Status

FOLLOW_SECONDS = 10
CLEAR = "\033[H\033[2J"  # of a terminal
EXAMPLES = """
python -m harness status            # also while snakemake runs, from another terminal or another host
python -m harness status --follow   # again and again, with the verdicts so far
"""


@command(examples=EXAMPLES)
@options.config
@options.override
@click.option(
    "--follow",
    type=COUNT,
    is_flag=False,
    flag_value=FOLLOW_SECONDS,
    metavar="SECONDS",
    help="Say it again every so many seconds, with the verdicts so far, until nothing runs.  [default without a"
    " number: 10]",
)
def status(config: Path, override: tuple[tuple[str, Any], ...], follow: int | None) -> int:
    """Say what is done, what runs, what failed and what is left.

    Jobs on other hosts that share the folder are seen too. The exit status is 0 where everything is done and good, else
    1.
    """
    from harness.records import sums
    from harness.running import status
    from harness.running.pipeline import arguments

    chosen = benchmark(config, override)
    track = shlex.join(["python", "-m", "harness", "track", *arguments(config, dict(override))])
    found = status.status(chosen)
    while follow:
        shown = "\n".join([_said(chosen, found, track), *_verdicts(found)])
        print((CLEAR if sys.stdout.isatty() else "") + shown, flush=True)
        if not found.driver and not found.total["running"]:
            break
        time.sleep(follow)
        found = status.status(chosen)
    else:
        print(_said(chosen, found, track))
    tables = chosen.results / "tables"
    if found.finished and tables.exists():
        sums.check(tables)
    return 0 if found.finished else 1


def _said(chosen: Config, found: Status, track: str) -> str:
    from harness.running import status

    return "\n".join([status.text(found), *_untracked(chosen, found, track)])


def _untracked(chosen: Config, found: Status, track: str) -> list[str]:
    """What MLflow does not show, where nobody is about to bring it; `track`: the command that does. Lookups have no
    runs of their own there."""
    from harness.plan import registry
    from harness.tracking import ledger

    looks_up = registry.protocol(chosen.protocol).setting(chosen.datasets[0]).looks_up
    missing = 0 if found.driver or looks_up else ledger.missing(ledger.LEDGER, chosen.title, found.good.values())
    return [f"MLflow does not show {missing} of {len(found.good)} records yet: {track}"] if missing else []


def _verdicts(found: Status) -> list[str]:
    """A row for each method, over the datasets on which it and its random architectures have two runs each."""
    from harness.analysis.analysis import Analysis
    from harness.analysis.results import read_results
    from spaces.base import UserError

    try:
        rows = Analysis(read_results(sorted(found.good))).pooled if found.good else None
    except UserError:
        rows = None  # no training is done yet
    if rows is None or not len(rows):
        return []
    said = ["", f"verdicts so far, from {len(found.good)} records (they change until all are there)"]
    for row in rows.itertuples():
        ri = f"{row.ri:+.2f}%" if row.datasets else "–"
        said.append(f"  {row.method} in {row.space}: RI {ri}, {row.verdict}, {row.datasets} datasets")
    return said
