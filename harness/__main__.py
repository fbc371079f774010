"""The command line: `python -m harness COMMAND --help`. What the Snakefile's rules call, usable by hand."""

from __future__ import annotations

import argparse
import errno
import json
import sys
from pathlib import Path
from typing import Any

from harness import lifeline
from spaces.base import UserError

DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}  # the user's to mend


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    lifeline.follow_driver()
    try:
        return options.run(options) or 0
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of a pipe, `head` say, has seen enough
        sys.stderr.close()
        return 0
    except OSError as error:
        if error.errno not in DISK:
            raise
        print(f"error: {error.filename or 'writing'}: {error.strerror}: mend that and type it again", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m harness", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    _describe_arguments(command("describe", _describe, "Print parameters, multiply-adds and canonical text as JSON."))

    sub = command("sample", _sample, "Print random architectures of a space, one a line.")
    sub.add_argument("--space", required=True)
    sub.add_argument("--seed", type=int, default=0)
    sub.add_argument("-n", type=_count, default=1, help="how many")

    sub = command("data", _data, "Prepare a dataset: decode, resize, split, store as plain tensors with checksums.")
    sub.add_argument("--dataset", required=True, help="a name, or folder:PATH")
    sub.add_argument("--image", type=_count, required=True, help="side in pixels")
    sub.add_argument("--root", type=Path, default=Path("data"), help="where downloaded datasets lie")
    sub.add_argument("--out", type=Path, help="default: work/data/<dataset>-<image>")

    sub = command("search", _search, "Search one architecture and write its record.")
    _cell_arguments(sub)
    sub.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="a field of the method")

    sub = command("train", _train, "Train one architecture from scratch, measure its test accuracy, write its record.")
    _cell_arguments(sub)
    sub.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="a field of the method's search")
    found = sub.add_mutually_exclusive_group(required=True)
    found.add_argument("--search", type=Path, help="record of the search that found the architecture")
    found.add_argument("--arch", help="an architecture in the literature's notation")
    sub.add_argument("--cells", type=_count, help="default: the protocol's")
    sub.add_argument("--repeat", type=int, default=0, help="number of the training seed")

    sub = command("tables", _tables, "Make all tables and figures from records, or from a CSV of anyone's results.")
    _records_arguments(sub)
    sub.add_argument("--out", type=Path, required=True, help="folder for the tables")
    sub.add_argument("--figures", type=Path, help="folder for the figures; default: figures/ in the tables' folder")

    sub = command(
        "latency", _latency, "Measure the blocks of a layer-wise space on this machine: a search's cost table."
    )
    sub.add_argument("--space", required=True)
    sub.add_argument("--out", type=Path, required=True, help="the JSON file that a method's latency_table names")
    sub.add_argument("--channels", type=_count, help="of the search; default: as published for the space")
    sub.add_argument("--image", type=_count, help="of the search; default: as published for the space")
    sub.add_argument("--repeats", type=_count, default=50, help="default: %(default)s, of which the median counts")

    sub = command("frontier", _frontier, "Find the weight of a cost term whose architecture has the wanted cost.")
    _cell_arguments(sub)
    sub.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="a field of the method")
    sub.add_argument("--field", default="cost_weight", help="the method's field to search; default: %(default)s")
    sub.add_argument("--low", type=float, required=True, help="a value that finds too costly architectures")
    sub.add_argument("--high", type=float, required=True, help="a value that finds too cheap ones")
    sub.add_argument("--macs", type=_count, required=True, help="the wanted multiply-adds, at the retraining size")
    sub.add_argument("--tolerance", type=float, default=0.05, help="a fraction of them; default: %(default)s")
    sub.add_argument("--most", type=_count, default=8, help="searches; default: %(default)s")

    sub = command("status", _status, "Say what is done, runs, failed and is left; exit 1 unless all is done and good.")
    sub.add_argument("--config", type=Path, default=Path("config/default.yaml"), help="default: %(default)s")
    sub.add_argument("--override", action="append", default=[], metavar="KEY=VALUE", help="a key of the configuration")

    sub = command("publish", _publish, "Copy a finished benchmark to results/published/NAME, with all that is needed.")
    sub.add_argument("name", metavar="NAME")
    _records_arguments(sub)

    sub = command("verify", _verify, "Rebuild a published snapshot's tables from its records and compare the bytes.")
    sub.add_argument("folder", type=Path, metavar="FOLDER")

    sub = command("rebuild", _rebuild, "Make a published snapshot's tables and figures anew from its records.")
    sub.add_argument("folder", type=Path, metavar="FOLDER")

    sub = command("compare", _compare, "Say what moved between two results, and whether it is more than noise.")
    for name in ("before", "after"):
        sub.add_argument(name, type=Path, metavar=name.upper(), help="a snapshot, a folder of records, or a CSV")

    command("cards", _cards, "Print what is to be known of each method, as Markdown: docs/methods.md.")

    sub = command("track", _track, "Show records in MLflow: imports whatever is missing, each record once.")
    _records_arguments(sub)
    sub.add_argument("--dataset", help="only the records of this dataset")
    return parser


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


def _fields(pairs: list[str]) -> dict[str, Any]:
    """FIELD=VALUE pairs; values are JSON where they can be read as such, else text."""
    fields = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UserError(f"{pair!r} is not of the form FIELD=VALUE")
        try:
            fields[name] = json.loads(value)
        except ValueError:
            fields[name] = value
    return fields


def _describe(options: argparse.Namespace) -> None:
    from dataclasses import replace

    from harness import registry

    space = registry.space(options.space, **_fields(options.reading))
    given = {name: getattr(options, name) for name in ("cells", "channels", "classes", "image", "inputs", "stem")}
    size = replace(space.published, **{name: value for name, value in given.items() if value is not None})
    design = None if options.supernet else space.read(options.arch)
    from harness.describe import describe, describe_supernet

    if options.supernet:
        print(json.dumps(describe_supernet(space, size)))
    else:
        counts = describe(space, design, replace(size, auxiliary=options.auxiliary))
        print(json.dumps({"arch": space.write(design), **counts}))


def _sample(options: argparse.Namespace) -> None:
    import random

    from harness import registry

    space, rng = registry.space(options.space), random.Random(options.seed)
    for _ in range(options.n):
        print(space.text(space.sample(rng)))


def _data(options: argparse.Namespace) -> None:
    from harness.jobs import data_folder
    from protocols import datasets

    datasets.check(options.dataset, options.root)
    out = options.out or data_folder(options.dataset, options.image)
    datasets.prepare(options.dataset, options.image, out, options.root)


def _job(options: argparse.Namespace) -> Any:
    from harness.jobs import Search

    parameters = tuple(sorted(_fields(options.set).items()))
    return Search(options.protocol, options.dataset, options.space, options.method, options.seed, parameters)


def _place(options: argparse.Namespace, job: Any) -> Any:
    from harness.cell import Place
    from harness.jobs import data_folder, record_path

    data = options.data or data_folder(options.dataset, job.setting.image)
    return Place(data, options.out or record_path(job), options.work, options.hours)


def _search(options: argparse.Namespace) -> None:
    from harness import cell

    job = _job(options)
    record = cell.search(job, _place(options, job))
    print(f"{job.name}: {record['status']} {record.get('arch', record.get('reason'))}")


def _train(options: argparse.Namespace) -> None:
    from harness import cell, records
    from harness.jobs import Training

    search = _job(options)
    job = Training(search, options.cells or search.setting.cells, options.repeat, options.arch or "")
    found = records.read(options.search) if options.search else {"status": "done", "arch": options.arch}
    record = cell.train(job, found, _place(options, job))
    print(f"{job.name}: {record['status']} {record['result'].get('test_accuracy', record.get('reason'))}")


def _tables(options: argparse.Namespace) -> None:
    from harness import tables

    tables.build(_records(options), options.out, options.figures)


def _track(options: argparse.Namespace) -> None:
    from harness import tracking
    from harness.drawing import draw

    print(tracking.sync(_records(options), drawing=draw))


def _latency(options: argparse.Namespace) -> None:
    from dataclasses import replace

    from harness import registry

    space = registry.space(options.space)
    given = {name: getattr(options, name) for name in ("channels", "image") if getattr(options, name)}
    from harness import latency

    latency.write(options.out, latency.measure(space, replace(space.searched, **given), options.repeats))


def _frontier(options: argparse.Namespace) -> None:
    from harness import frontier
    from harness.jobs import data_folder

    job = _job(options)
    out = options.out or Path("results", job.protocol, "frontier", job.folder)
    data = options.data or data_folder(job.dataset, job.setting.image)
    probe = frontier.prober(job, options.field, data, out, options.work)
    found = frontier.bisect(probe, options.low, options.high, options.macs, options.tolerance, options.most)
    frontier.write(found, options.field, options.macs, out)
    best = min(found, key=lambda one: abs(one.macs - options.macs))
    print(json.dumps({options.field: best.value, "macs": best.macs, "arch": best.arch}))


def _status(options: argparse.Namespace) -> int:
    from harness import config, status, sums

    benchmark = config.load(options.config, _fields(options.override))
    found = status.status(benchmark)
    print(status.text(found))
    tables = Path("results", benchmark.protocol, "tables")
    if found.finished and tables.exists():
        sums.check(tables)
    return 0 if found.finished else 1


def _publish(options: argparse.Namespace) -> None:
    from harness import snapshot

    print(snapshot.publish(options.name, _records(options), options.config))


def _verify(options: argparse.Namespace) -> None:
    from harness import snapshot

    print(f"{options.folder}: {snapshot.verify(options.folder)} files come out of the records as they were published")


def _rebuild(options: argparse.Namespace) -> None:
    from harness import snapshot

    print(f"{options.folder}: {snapshot.rebuild(options.folder)} tables and figures made anew from its records")


def _compare(options: argparse.Namespace) -> None:
    from harness import compare, typeset

    print(typeset.markdown(compare.compared(options.before, options.after)), end="")


def _cards(options: argparse.Namespace) -> None:
    from harness.cards import cards

    print(cards(), end="")


def _records(options: argparse.Namespace) -> Any:
    """A path as given, or the paths of a benchmark's records, none of them missing or stale."""
    if options.records:
        return options.records
    from harness import config, plan

    return plan.checked(config.load(options.config, _fields(options.override)), getattr(options, "dataset", None))


if __name__ == "__main__":
    sys.exit(main())
