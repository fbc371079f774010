"""`status`: how a benchmark stands."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.base import command
from harness.cli.parts import options
from harness.cli.parts.benchmark import benchmark
from harness.cli.parts.values import COUNT

if TYPE_CHECKING:
    import pandas as pd

    from harness.plan.config import Config
    from harness.running.status import Status

FOLLOW_SECONDS = 10
IDLE = 40  # times as long as a look took, at least, until the next: it costs 3% of a core at most
UNDECIDED = dict.fromkeys(("no interval", "no baseline"), "undecided")  # until there are more runs
CLEAR = "\033[H\033[2J"  # of a terminal
EXAMPLES = """
python -m harness status            # also while snakemake runs, from another terminal or another host
python -m harness status --follow   # again and again, with the verdicts so far
"""


@command(examples=EXAMPLES)
@options.config
@options.override
@click.option("--line", is_flag=True, help="In one line, with the verdicts so far: what snakemake shows while it runs.")
@click.option(
    "--follow",
    type=COUNT,
    is_flag=False,
    flag_value=FOLLOW_SECONDS,
    metavar="SECONDS",
    help="Say it again every so many seconds, with the verdicts so far, until nothing runs.  [default without a"
    " number: 10]",
)
def status(config: Path, override: tuple[tuple[str, Any], ...], line: bool, follow: int | None) -> int:
    """Say what is done, what runs, what failed and what is left.

    Jobs on other hosts that share the folder are seen too. The exit status is 0 where everything is done and good, else
    1.
    """
    from harness.records import sums
    from harness.running import status
    from harness.running.pipeline import arguments

    chosen = benchmark(config, override)
    track = shlex.join(["python", "-m", "harness", "track", *arguments(config, dict(override))])
    if line and follow:
        os.nice(10)  # jobs first
    rows, seen = None, -1
    while True:
        began, found = time.process_time(), status.status(chosen)
        if (line or follow) and len(found.good) != seen:
            rows, seen = _pooled(found), len(found.good)
        if line:
            print(status.line(found, _brief(rows), time.time()), flush=True)
        else:
            shown = "\n".join([status.text(found), *_untracked(chosen, found, track), *_verdicts(rows, seen)])
            print((CLEAR if follow and sys.stdout.isatty() else "") + shown, flush=True)
        if not follow or not (found.driver or found.total["running"]):
            break
        time.sleep(max(follow, IDLE * (time.process_time() - began)))
    tables = chosen.results / "tables"
    if found.finished and tables.exists():
        sums.check(tables)
    return 0 if found.finished else 1


def _untracked(chosen: Config, found: Status, track: str) -> list[str]:
    """What MLflow does not show, where nobody is about to bring it; `track`: the command that does. Lookups have no
    runs of their own there."""
    from harness.plan import registry
    from harness.tracking import ledger

    looks_up = registry.protocol(chosen.protocol).setting(chosen.datasets[0]).looks_up
    missing = 0 if found.driver or looks_up else ledger.missing(ledger.LEDGER, chosen.title, found.good.values())
    return [f"MLflow does not show {missing} of {len(found.good)} records yet: {track}"] if missing else []


def _pooled(found: Status) -> pd.DataFrame | None:
    """A row for each method, over the datasets on which it and its random architectures have two runs each; None
    without one."""
    from harness.analysis.analysis import Analysis
    from harness.analysis.results import read_results
    from spaces.base import UserError

    try:
        rows = Analysis(read_results(sorted(found.good))).pooled if found.good else None
    except UserError:
        return None  # no training is done yet
    return rows if rows is not None and len(rows) else None


def _verdicts(rows: pd.DataFrame | None, records: int) -> list[str]:
    if rows is None:
        return []
    said = ["", f"verdicts so far, from {records} records (they change until all are there)"]
    for row in rows.itertuples():
        ri = f"{row.ri:+.2f}%" if row.datasets else "–"
        said.append(f"  {row.method} in {row.space}: RI {ri}, {row.verdict}, {row.datasets} datasets")
    return said


def _brief(rows: pd.DataFrame | None) -> str:
    """The methods that are better or worse than random architectures by name, the others by number."""
    if rows is None:
        return ""
    known = rows[rows["verdict"].isin(("better", "worse"))]
    said = [f"{row.method} {row.verdict}" for row in known.itertuples()]
    others = Counter(UNDECIDED.get(verdict, verdict) for verdict in rows["verdict"].drop(known.index))
    return "so far: " + ", ".join([*said, *(f"{number} {verdict}" for verdict, number in others.items())])
