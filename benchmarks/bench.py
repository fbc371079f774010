"""The table of `python -m harness bench`: our code against the naive forms in tests/reference."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

import torch

from benchmarks.measuring import Ratio, Scale
from harness.records.environment import machine
from harness.records.files import write_atomically
from harness.running.inputs import device
from spaces.base import Size, UserError

SEARCHES = ("darts_first_order", "darts_second_order", "enas", "fbnet", "single_path")
EVALUATIONS = ("evaluation_8_cells", "evaluation_20_cells")
CURES = {
    "tests": "run it in the root of a checkout",
    "torchvision": "pip install -e '.[test]' in a checkout",
}
NAMES = (*SEARCHES[:2], *EVALUATIONS, *SEARCHES[2:], "input_pipeline")


def scale(where: torch.device) -> Scale:
    """The sizes that are measured on this device: larger ones on a GPU."""
    if where.type == "cuda":
        return Scale(where, Size(16, 8, 10, 32), 64, Size(36, 20, 10, 32), 96, compiled=True)
    return Scale(where, Size(8, 8, 10, 16), 64, Size(8, 20, 10, 16), 64)


def measure(chosen: Scale, names: Iterable[str] = NAMES) -> Iterator[Ratio]:
    """Ratios in the order of `names`; UserError outside a checkout, without torchvision,
    and where a result is not the naive form's."""
    for name in names:
        yield _module(name).measure(name, chosen)


def _module(name: str) -> ModuleType:
    try:
        from benchmarks import evaluation, input_pipeline, searches
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        if missing not in CURES:
            raise
        raise UserError(f"bench compares with {missing}, which is not here: {CURES[missing]}") from None
    if name in SEARCHES:
        return searches
    return evaluation if name in EVALUATIONS else input_pipeline


def run(out: Path | None) -> None:
    """Prints the table, each row as soon as it is measured, and writes it as JSON to `out`, if given."""
    chosen = scale(device())
    s, e = chosen.search, chosen.evaluation
    where = torch.cuda.get_device_name() if chosen.device.type == "cuda" else f"{machine()}, 1 thread"
    print(f"{where}, torch {torch.__version__}: time of the naive form divided by ours")
    print(f"searches C={s.channels}, {s.cells} cells, {s.image}x{s.image}, batch {chosen.batch}; ", end="")
    print(f"evaluation C={e.channels}, {e.image}x{e.image}, batch {chosen.evaluation_batch}")
    found = []
    for row in measure(chosen):
        found.append(row)
        print(f"{row.name:20} {row.ratio:6.2f}  [{row.low:.2f}, {row.high:.2f}]  n={row.n}", flush=True)
    if out:
        write_atomically(out, json.dumps([row._asdict() for row in found], indent=1).encode() + b"\n")
