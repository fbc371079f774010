"""What the command line takes: every command with its arguments."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from harness.cli import commands

Command = Callable[[str, str], argparse.ArgumentParser]
"""Adds a command: its name, which is that of a function in `commands`, and what it is for."""


def parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(prog="python -m harness", description="NAS against random: every job by hand.")
    added = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        sub = added.add_parser(name, help=text, description=text)
        sub.set_defaults(run=getattr(commands, name))
        return sub

    for group in (_architectures, _jobs, _results):
        group(command)
    return whole


def _architectures(command: Command) -> None:
    """Architectures by themselves."""
    _describe_arguments(command("describe", "Print parameters, multiply-adds and canonical text as JSON."))

    sub = command("sample", "Print random architectures of a space, one a line.")
    sub.add_argument("--space", required=True)
    sub.add_argument("--seed", type=int, default=0)
    sub.add_argument("-n", type=_count, default=1, help="how many")


def _jobs(command: Command) -> None:
    """What the pipeline's jobs do, one at a time."""
    sub = command("data", "Prepare a dataset: decode, resize, split, store as plain tensors with checksums.")
    sub.add_argument("--dataset", required=True, help="a name, or folder:PATH")
    sub.add_argument("--image", type=_count, required=True, help="side in pixels")
    sub.add_argument("--root", type=Path, default=Path("data"), help="where downloaded datasets lie")
    sub.add_argument("--out", type=Path, help="default: work/data/<dataset>-<image>")

    sub = command("search", "Search one architecture and write its record.")
    _cell_arguments(sub)
    sub.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="a field of the method")

    sub = command("train", "Train one architecture from scratch, measure its test accuracy, write its record.")
    _cell_arguments(sub)
    sub.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="a field of the method's search")
    found = sub.add_mutually_exclusive_group(required=True)
    found.add_argument("--search", type=Path, help="record of the search that found the architecture")
    found.add_argument("--arch", help="an architecture in the literature's notation")
    sub.add_argument("--cells", type=_count, help="default: the protocol's")
    sub.add_argument("--repeat", type=int, default=0, help="number of the training seed")

    sub = command("latency", "Measure the blocks of a layer-wise space on this machine: a search's cost table.")
    sub.add_argument("--space", required=True)
    sub.add_argument("--out", type=Path, required=True, help="the JSON file that a method's latency_table names")
    sub.add_argument("--channels", type=_count, help="of the search; default: as published for the space")
    sub.add_argument("--image", type=_count, help="of the search; default: as published for the space")
    sub.add_argument("--repeats", type=_count, default=50, help="default: %(default)s, of which the median counts")

    sub = command("frontier", "Find the weight of a cost term whose architecture has the wanted cost.")
    _cell_arguments(sub)
    sub.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="a field of the method")
    sub.add_argument("--field", default="cost_weight", help="the method's field to search; default: %(default)s")
    sub.add_argument("--low", type=float, required=True, help="a value that finds too costly architectures")
    sub.add_argument("--high", type=float, required=True, help="a value that finds too cheap ones")
    sub.add_argument("--macs", type=_count, required=True, help="the wanted multiply-adds, at the retraining size")
    sub.add_argument("--tolerance", type=float, default=0.05, help="a fraction of them; default: %(default)s")
    sub.add_argument("--most", type=_count, default=8, help="searches; default: %(default)s")


def _results(command: Command) -> None:
    """Whole benchmarks: how they stand, what comes of them."""
    sub = command(
        "tables", "Make all tables and figures, and a report, from records or from a CSV of anyone's results."
    )
    _records_arguments(sub)
    sub.add_argument("--out", type=Path, required=True, help="folder for the tables")
    sub.add_argument("--figures", type=Path, help="folder for the figures; default: figures/ in the tables' folder")

    sub = command("status", "Say what is done, runs, failed and is left; exit 1 unless all is done and good.")
    sub.add_argument("--config", type=Path, default=Path("config/default.yaml"), help="default: %(default)s")
    sub.add_argument("--override", action="append", default=[], metavar="KEY=VALUE", help="a key of the configuration")

    sub = command("track", "Show records in MLflow: imports whatever is missing, each record once.")
    _records_arguments(sub)
    text = "go on until SIGTERM: import new records every so many seconds; default: %(const)s"
    sub.add_argument("--follow", type=_count, nargs="?", const=30, metavar="SECONDS", help=text)

    sub = command("publish", "Copy a finished benchmark to results/published/NAME, with all that is needed.")
    sub.add_argument("name", metavar="NAME")
    _records_arguments(sub)

    sub = command("verify", "Rebuild a published snapshot's tables from its records and compare the bytes.")
    sub.add_argument("folder", type=Path, metavar="FOLDER")

    sub = command("rebuild", "Make a published snapshot's tables and figures anew from its records.")
    sub.add_argument("folder", type=Path, metavar="FOLDER")

    sub = command("compare", "Say what moved between two results, and whether it is more than noise.")
    for name in ("before", "after"):
        sub.add_argument(name, type=Path, metavar=name.upper(), help="a snapshot, a folder of records, or a CSV")

    command("shipped", "Print the folder with the Snakefile, profiles/ and config/ that come with the project.")

    command("cards", "Print what is to be known of each method, as Markdown: docs/methods.md.")

    sub = command("bench", "Measure our steps against the naive forms in one process: ratios, in 10 minutes.")
    sub.add_argument("--json", type=Path, metavar="FILE", help="write the table there too")


def _count(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _describe_arguments(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--space", required=True)
    what = sub.add_mutually_exclusive_group(required=True)
    what.add_argument("--arch", help="architecture in the literature's notation")
    what.add_argument("--supernet", action="store_true", help="the space's supernet instead")
    for name in ("cells", "channels", "classes", "image", "inputs"):
        sub.add_argument(f"--{name}", type=_count, help="default: as published for the space")
    sub.add_argument("--stem", choices=("cifar", "imagenet"))
    sub.add_argument("--auxiliary", action="store_true", help="with the auxiliary head")
    sub.add_argument("--reading", action="append", default=[], metavar="FIELD=VALUE", help="a field of the space")


def _cell_arguments(sub: argparse.ArgumentParser) -> None:
    for name in ("protocol", "dataset", "space"):
        sub.add_argument(f"--{name}", required=True)
    sub.add_argument("--method", default="by_hand", help="needed for a search; for a given architecture, its label")
    sub.add_argument("--seed", type=int, default=0)
    sub.add_argument("--data", type=Path, help="prepared dataset; default: work/data/<dataset>-<image>")
    sub.add_argument("--out", type=Path, help="the record; default: below results/<protocol>/records/")
    sub.add_argument("--work", type=Path, default=Path("work"), help="where checkpoints and finished records are kept")
    sub.add_argument("--hours", type=float, help="time limit: a job that takes longer ends as a timeout")


def _records_arguments(sub: argparse.ArgumentParser) -> None:
    source = sub.add_mutually_exclusive_group(required=True)
    source.add_argument("--records", type=Path, help="a folder of records, or a CSV")
    source.add_argument("--config", type=Path, help="the records of this benchmark, checked against it")
    sub.add_argument("--override", action="append", default=[], metavar="KEY=VALUE", help="a key of the configuration")
