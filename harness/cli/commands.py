"""What each command does: thin calls of the harness, which is loaded when a command needs it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from spaces.base import UserError


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


def describe(options: argparse.Namespace) -> None:
    from dataclasses import replace

    from harness.plan import registry

    space = registry.space(options.space, **_fields(options.reading))
    given = {name: getattr(options, name) for name in ("cells", "channels", "classes", "image", "inputs", "stem")}
    usual = space.searched if options.supernet else space.published
    size = replace(usual, **{name: value for name, value in given.items() if value is not None})
    design = None if options.supernet else space.read(options.arch)
    from harness.running.counts import describe, describe_supernet

    if options.supernet:
        print(json.dumps(describe_supernet(space, size)))
    else:
        counts = describe(space, design, replace(size, auxiliary=options.auxiliary))
        print(json.dumps({"arch": space.write(design), **counts}))


def sample(options: argparse.Namespace) -> None:
    import random

    from harness.plan import registry

    space, rng = registry.space(options.space), random.Random(options.seed)
    for _ in range(options.n):
        print(space.text(space.sample(rng)))


def data(options: argparse.Namespace) -> None:
    from harness.plan.jobs import data_folder
    from protocols.datasets import base as datasets

    datasets.check(options.dataset, options.root)
    out = options.out or data_folder(options.dataset, options.image)
    datasets.prepare(options.dataset, options.image, out, options.root)


def _job(options: argparse.Namespace) -> Any:
    from harness.plan.jobs import Search

    parameters = tuple(sorted(_fields(options.set).items()))
    return Search(options.protocol, options.dataset, options.space, options.method, options.seed, parameters)


def _place(options: argparse.Namespace, job: Any) -> Any:
    from harness.plan.jobs import data_folder, record_path
    from harness.running.job import Place

    data = options.data or data_folder(options.dataset, job.setting.image)
    return Place(data, options.out or record_path(job), options.work, options.hours)


def search(options: argparse.Namespace) -> None:
    from harness.running import job as cell

    job = _job(options)
    record = cell.search(job, _place(options, job))
    print(f"{job.name}: {record['status']} {record.get('arch', record.get('reason'))}")


def train(options: argparse.Namespace) -> None:
    from harness import records
    from harness.plan.jobs import Training
    from harness.running import job as cell

    search = _job(options)
    job = Training(search, options.cells or search.setting.cells, options.repeat, options.arch or "")
    found = records.read(options.search) if options.search else {"status": "done", "arch": options.arch}
    record = cell.train(job, found, _place(options, job))
    print(f"{job.name}: {record['status']} {record['result'].get('test_accuracy', record.get('reason'))}")


def tables(options: argparse.Namespace) -> None:
    from harness.report import build as tables

    left = tables.build(_records(options), options.out, options.figures, report=bool(options.records))
    if options.records:
        print(f"{options.out / 'report.html'}: all tables and figures; {len(left)} left out, which it names")


def track(options: argparse.Namespace) -> None:
    from harness.plan import config
    from harness.tracking import follow as _tracking_follow
    from harness.tracking import sync as tracking

    pictures = Path("work/drawings")
    if options.follow:
        if not options.config:
            raise UserError("track --follow needs --config: it follows a benchmark that runs")
        _tracking_follow.follow(config.load(options.config, _fields(options.override)), _draw, pictures, options.follow)
        return
    found = _records(options)
    if isinstance(found, Path) and not found.is_dir():
        raise UserError(f"{found} is no folder: track shows records, name the folder that they are in")
    paths = found.rglob("*.json") if isinstance(found, Path) else found
    print(tracking.sync(paths, drawing=_draw, pictures=pictures))


def _draw(space: str, text: str, path: Path) -> None:
    """The drawing library is loaded when there is something to draw."""
    from harness.report.figures.drawing import draw

    draw(space, text, path)


def latency(options: argparse.Namespace) -> None:
    from dataclasses import replace

    from harness.plan import registry

    space = registry.space(options.space)
    given = {name: getattr(options, name) for name in ("channels", "image") if getattr(options, name)}
    from harness.running import latency

    latency.write(options.out, latency.measure(space, replace(space.searched, **given), options.repeats))


def frontier(options: argparse.Namespace) -> None:
    from harness.plan.jobs import data_folder
    from harness.running import frontier

    job = _job(options)
    out = options.out or Path("results", job.protocol, "frontier", job.folder)
    data = options.data or data_folder(job.dataset, job.setting.image)
    probe = frontier.prober(job, options.field, data, out, options.work)
    found = frontier.bisect(probe, options.low, options.high, options.macs, options.tolerance, options.most)
    frontier.write(found, options.field, options.macs, out)
    best = min(found, key=lambda one: abs(one.macs - options.macs))
    off = round(best.macs / options.macs - 1, 4)  # beyond --tolerance where --most searches found nothing nearer
    print(json.dumps({options.field: best.value, "macs": best.macs, "off": off, "arch": best.arch}))


def status(options: argparse.Namespace) -> int:
    from harness.plan import config
    from harness.records import sums
    from harness.running import status

    benchmark = config.load(options.config, _fields(options.override))
    found = status.status(benchmark)
    print(status.text(found))
    tables = Path("results", benchmark.protocol, "tables")
    if found.finished and tables.exists():
        sums.check(tables)
    return 0 if found.finished else 1


def publish(options: argparse.Namespace) -> None:
    from harness.report import snapshot

    folder = snapshot.publish(options.name, _records(options), options.config)
    print(folder)
    if copied := snapshot.copied_code(folder):
        print(f"in no commit, so copied to {folder / snapshot.CODE}: {', '.join(copied)}")
    print(f"cite as: {snapshot.citation(folder)}")


def verify(options: argparse.Namespace) -> None:
    from harness.report import snapshot

    print(f"{options.folder}: {snapshot.verify(options.folder)} files come out of the records as they were published")
    print(f"cite as: {snapshot.citation(options.folder)}")


def rebuild(options: argparse.Namespace) -> None:
    from harness.report import snapshot

    print(f"{options.folder}: {snapshot.rebuild(options.folder)} tables and figures made anew from its records")


def compare(options: argparse.Namespace) -> None:
    from harness.report import compare, typeset

    print(typeset.markdown(compare.compared(options.before, options.after)), end="")


def bench(options: argparse.Namespace) -> None:
    from benchmarks import bench

    bench.run(options.json)


def cards(options: argparse.Namespace) -> None:
    from harness.report.cards import cards

    print(cards(), end="")


def _records(options: argparse.Namespace) -> Any:
    """A path as given, or the paths of a benchmark's records, none of them missing or stale."""
    if options.records:
        return options.records
    from harness.plan import config
    from harness.records import belonging as plan

    return plan.checked(config.load(options.config, _fields(options.override)))
