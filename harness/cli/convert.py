"""`convert`: other people's result files as one CSV of our form."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.base import command
from harness.cli.parts.values import PATH

EXAMPLES = """
python -m harness convert CIFAR10.csv MIT67.csv --out runs.csv              # Random DARTS, DARTS, Random ENAS, ...
python -m harness convert results.csv --baseline RandomForest --out runs.csv   # of AutoMLBenchmark
"""


@command(examples=EXAMPLES)
@click.argument(
    "files", type=PATH, nargs=-1, required=True, metavar="FILE...", help="CSV files, a dataset or more each."
)
@click.option("--out", type=PATH, required=True, help="The CSV to write.")
@click.option("--baseline", help="The method that takes the place of the random architectures.")
@click.option("--dataset", help="Dataset of files that have no such column.  [default: the file's name if it is wide]")
@click.option("--space", help="Space of files that have no such column.")
def convert(files: tuple[Path, ...], out: Path, baseline: str | None, dataset: str | None, space: str | None) -> None:
    """Write result files of others as one CSV of runs.

    Read are wide tables with a column per method, AutoMLBenchmark's results, and CSVs of our form, also a file per
    method. `tables`, `compare` and `convert` read the same forms; what a file does not say is given here.
    """
    from harness.analysis.csv_forms import Asked
    from harness.analysis.foreign import read_csvs, write_rows

    rows = read_csvs(files, Asked(baseline, dataset, space))
    write_rows(out, rows)
    print(f"{out}: {len(rows)} runs; python -m harness tables --records {out} --out judged")
