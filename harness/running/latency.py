"""Measures how long each option of each layer takes on this machine: the latency table that a search can be given."""

from __future__ import annotations

import json
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import nn

from harness import records
from harness.running.inputs import device
from spaces.base import Size, Space, UserError
from spaces.parts.layerwise import Layerwise

WARM_UP = 3


def measure(space: Space, size: Size, repeats: int) -> dict[str, Any]:
    """Microseconds of the forward pass of one image, median of `repeats`: "options", those of each layer, and
    "constant", what the network takes besides them. Layers of the same shape are measured once."""
    if not isinstance(space, Layerwise):
        raise UserError(f"space {type(space).__name__} has no layers whose times add up: use fbnet or single_path")
    where, known, rows = device(), {}, []
    for blocks, shape in space.layers(size):
        layer = (shape, tuple(str(block) for block in blocks))
        if layer not in known:
            known[layer] = [_microseconds(block, shape, repeats, where) for block in blocks]
        rows.append(known[layer])
    whole = space.network(tuple(space.options[0] for _ in space.choices), size)
    constant = _microseconds(whole, (1, size.inputs, size.image, size.image), repeats, where)
    return {
        "machine": torch.cuda.get_device_name() if where.type == "cuda" else records.machine(),
        "torch": torch.__version__,
        "repeats": repeats,
        "channels": size.channels,
        "image": size.image,
        "constant": max(0.0, round(constant - sum(row[0] for row in rows), 2)),
        "options": rows,
    }


@torch.inference_mode()
def _microseconds(module: nn.Module, shape: tuple[int, ...], repeats: int, where: torch.device) -> float:
    module = module.eval().to(where).to(memory_format=torch.channels_last)
    x = torch.zeros(shape, device=where).to(memory_format=torch.channels_last)
    taken = []
    for _ in range(WARM_UP + repeats):
        started = time.perf_counter()
        module(x)
        if where.type == "cuda":
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - started)
    return round(1e6 * median(taken[WARM_UP:]), 2)


def write(path: Path, table: dict[str, Any]) -> None:
    records.write_atomically(path, json.dumps(table, indent=1).encode() + b"\n")
