"""The table of `python -m harness bench`: our code against definitions in plain PyTorch, and against public code."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

import torch

from benchmarks import scores, searches, trainings
from benchmarks.measuring import Ratio, Scale
from benchmarks.peak import peak
from harness.plan import registry
from harness.records.environment import machine
from harness.records.files import write_atomically
from harness.running.inputs import device
from spaces.base import Size, UserError
from spaces.parts.cpu.numerics import NATIVE, PORTABLE, portable

NAMES = (
    *searches.NAMES[:3],
    *trainings.EVALUATIONS,
    *searches.NAMES[3:],
    *trainings.TRAININGS,
    *scores.NAMES,
    "input_pipeline",
)
HEAD = f"{'':24}{'ratio':>7}{'low':>8}{'high':>8}{'n':>4}{'contiguous':>12}{'channels last':>15}{'ms':>9}{'of peak':>9}"


def scale(where: torch.device) -> Scale:
    """The sizes that are measured on this device: larger ones on a GPU."""
    wide = Size(16, 8, 10, 32)
    if where.type == "cuda":
        return Scale(where, wide, 64, Size(36, 20, 10, 32), 96, wide, 16, compiled=True)
    return Scale(where, Size(8, 8, 10, 16), 64, Size(8, 20, 10, 16), 64, wide, 16)


def measure(chosen: Scale, names: Iterable[str] = NAMES) -> Iterator[Ratio]:
    """Rows in the order of `names`, without their share of the peak. UserError for a row that is none and without
    torchvision, both at once; and where a result is not the definition's."""
    modules = {name: _module(name) for name in names}
    return (module.measure(name, chosen) for name, module in modules.items())


def _module(name: str) -> ModuleType:
    if name in searches.NAMES:
        return searches
    if name in trainings.NAMES:
        return trainings
    if name in scores.NAMES:
        return scores
    if name not in NAMES:
        raise registry.refuse("row", name, NAMES)
    try:
        from benchmarks import input_pipeline
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] != "torchvision":
            raise
        cure = "pip install -e '.[test]' in a checkout"
        raise UserError(f"bench compares with torchvision, which is not here: {cure}") from None
    return input_pipeline


def run(out: Path | None, names: Iterable[str] = ()) -> None:
    """Prints the table, each row as soon as it is measured, and writes it as JSON to `out`, if given. `names`: the rows
    to measure, all where there are none."""
    chosen = scale(device())
    rows, found = measure(chosen, tuple(names) or NAMES), []
    able = peak(chosen.device)
    _print_head(chosen, able)
    for row in rows:
        share = row.flops / row.seconds / able if row.flops else None
        found.append(row._replace(share=share))
        print(_line(found[-1]), flush=True)
    if out:
        about = {"torch": torch.__version__, "machine": _machine(chosen), "peak": able}
        table = {**about, "rows": [row._asdict() for row in found]}
        write_atomically(out, json.dumps(table, indent=1).encode() + b"\n")


def _machine(chosen: Scale) -> str:
    if chosen.device.type == "cuda":
        return torch.cuda.get_device_name()
    return f"{machine()}, 1 thread, {PORTABLE if portable() else NATIVE} numerics"


def _print_head(chosen: Scale, able: float) -> None:
    s, w, e, n = chosen.search, chosen.wide, chosen.evaluation, chosen.scored
    print(f"{_machine(chosen)}, torch {torch.__version__}, peak {able / 1e9:.1f} Gflop/s")
    print("time of the definition in its faster memory layout, or of public code, divided by ours")
    print(f"searches C={s.channels}, {s.cells} cells, {s.image}x{s.image}, batch {chosen.batch}; ", end="")
    print(f"wide C={w.channels}, {w.image}x{w.image}, batch {chosen.wide_batch}; ", end="")
    print(f"evaluation C={e.channels}, {e.image}x{e.image}, batch {chosen.evaluation_batch}; ", end="")
    print(f"trainings and scores as protocol {chosen.protocol} on digits; ", end="")
    print(f"scores wide C={n.channels}, {n.cells} cells, {n.image}x{n.image}, batch {chosen.scored_batch}")
    print(HEAD)


def _line(row: Ratio) -> str:
    layouts = [f"{row.layouts[name]:.2f}" if row.layouts else "" for name in ("contiguous", "channels_last")]
    share = "" if row.share is None else f"{row.share:.1%}"
    ratio = f"{row.ratio:7.2f}{row.low:8.2f}{row.high:8.2f}{row.n:4}"
    return f"{row.name:24}{ratio}{layouts[0]:>12}{layouts[1]:>15}{1e3 * row.seconds:9.1f}{share:>9}"
