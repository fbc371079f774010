"""A search of one batch by each method on a fused supernet, against the same search on the supernet's definition.

It consists of an architecture step and a weight step (in Single-Path NAS one step for both) and of what the method does
at its end. The yardstick differentiates everything, as public code does; DARTS' is the public code's steps.
"""

from __future__ import annotations

import copy
import random
from functools import partial
from statistics import median
from typing import Any

import torch
from torch import Tensor

from benchmarks.measuring import LAYOUTS, Ratio, Scale, Step, equal, summary, turns
from benchmarks.one_batch import Batch, OneBatchRun, noise
from benchmarks.peak import flops
from benchmarks.public_darts import Search
from harness.plan import registry
from methods.base import Method
from methods.darts import Darts
from protocols.parts.optimizers import Adam
from spaces.base import Size, Space
from spaces.parts.cpu.fuse import fuse
from spaces.parts.network import Supernet

NAMES = ("darts_first_order", "darts_second_order", "darts_first_order_wide", "enas", "fbnet", "single_path")
FIELDS: dict[str, dict[str, Any]] = {
    "darts_first_order": {"order": 1},
    "darts_second_order": {"order": 2},
    "darts_first_order_wide": {"order": 1},
    "enas": {"controller_steps": 1, "samples": 1},
}
"""Fields of the methods. ENAS: one reward."""
ALL_CANDIDATES = ("darts", "fbnet")
"""Spaces whose search mixes all candidates."""


def measure(name: str, scale: Scale) -> Ratio:
    """The ratio of a method's search times."""
    entry = "darts" if name.startswith("darts") else name
    size, images = (scale.wide, scale.wide_batch) if name.endswith("wide") else (scale.search, scale.batch)
    space, method = registry.space(entry), registry.method(entry, **FIELDS.get(name, {}))
    torch.manual_seed(0)
    definition = space.supernet(size).to(scale.device)
    batches = {split: noise(size, images, seed) for seed, split in enumerate(("train", "val"))}
    ours = fuse(_laid_out(definition, "channels_last"))
    _compare(name, entry, space, ours, definition, _placed(batches, scale, "channels_last")["train"][0])
    ours_by_method = partial(_search, method, ours, space, size, _placed(batches, scale, "channels_last"))
    by_method = partial(_search, method, copy.deepcopy(definition), space, size, _placed(batches, scale, "contiguous"))
    plain = [
        _yardstick(method, _laid_out(definition, layout), space, size, _placed(batches, scale, layout))
        for layout in LAYOUTS
    ]
    times = turns([ours_by_method, *plain], scale)
    ratios = {layout: [row[i] / row[0] for row in times] for i, layout in enumerate(LAYOUTS, 1)}
    return summary(name, ratios, median(row[0] for row in times))._replace(flops=flops(partial(by_method, 0)))


def _laid_out(supernet: Supernet, layout: str) -> Supernet:
    return copy.deepcopy(supernet).to(memory_format=LAYOUTS[layout])


def _placed(batches: dict[str, Batch], scale: Scale, layout: str) -> dict[str, Batch]:
    return {
        split: (x.to(scale.device, memory_format=LAYOUTS[layout]), y.to(scale.device))
        for split, (x, y) in batches.items()
    }


def _search(
    method: Method, supernet: Supernet, space: Space, size: Size, splits: dict[str, Batch], number: int
) -> None:
    method.search(OneBatchRun(space, size, supernet, splits, number))


def _yardstick(method: Method, supernet: Supernet, space: Space, size: Size, splits: dict[str, Batch]) -> Step:
    """The search on a definition, in which everything is differentiated."""
    if isinstance(method, Darts):
        return _public(method, supernet, splits)
    vars(supernet)["requires_grad_"] = lambda wanted=True: supernet
    return partial(_search, method, supernet, space, size, splits)


def _public(method: Darts, supernet: Supernet, splits: dict[str, Batch]) -> Step:
    """A step of DARTS' public code."""
    alphas = 1e-3 * torch.randn(len(supernet.shape), supernet.shape[0], device=splits["val"][0].device)
    search = Search(supernet, alphas)
    decisions = Adam([search.alphas], method.alpha_lr, method.alpha_betas, weight_decay=method.alpha_weight_decay)

    def step(number: int) -> None:
        if method.order == 1:
            search.alphas.grad = search.first_order(splits["val"])
        else:
            search.alphas.grad = search.second_order(splits["train"], splits["val"], method.lr)
        decisions.step()
        search.weight_step(splits["train"])

    return step


def _compare(name: str, entry: str, space: Space, ours: Supernet, definition: Supernet, images: Tensor) -> None:
    """UserError where logits differ: of one architecture and, where a search mixes all candidates, of such a
    mixture."""
    generator = torch.Generator().manual_seed(0)
    mixes = [definition.path(space.sample(random.Random(0)))]
    if entry in ALL_CANDIDATES:
        mixes.append([torch.randn(n, generator=generator).softmax(0).to(images.device) for n in definition.shape])
    with torch.no_grad():
        for mix in mixes:
            equal(name, ours(images, mix), definition(images, mix))
