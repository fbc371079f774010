"""A search of one batch by each method, against the same search on the naive form of its supernet.

It consists of an architecture step and a weight step (in Single-Path NAS one step for both) and of what the method does
at its end. DARTS' naive steps are those of its public code, which differentiates everything.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from benchmarks.measuring import Ratio, Scale, equal, pairs, summary
from harness.plan import registry
from methods.base import Method
from protocols.base import Budget
from protocols.parts.optimizers import Adam
from spaces.base import Size, Space
from spaces.darts.space import Darts
from spaces.fbnet.space import Fbnet
from spaces.parts.cpu.fuse import fuse
from spaces.parts.network import Supernet
from tests.reference import darts, enas, fbnet, single_path
from tests.reference.run import TinyRun, random_images

Splits = dict[str, tuple[Tensor, Tensor]]
BUDGET = {"epochs": 1, "candidates": 1}


class OneBatchRun(TinyRun):
    """A search of one batch on an existing supernet, which keeps what it learns."""

    def __init__(self, supernet: Supernet, space: Space, size: Size, splits: Splits, number: int):
        images, _ = splits["train"]
        super().__init__(space, size, Budget(batch=len(images), **BUDGET), splits, number)
        self._supernet, self._device = supernet, images.device

    @property
    def device(self) -> torch.device:
        return self._device

    def supernet(self) -> Supernet:
        return self._supernet


def measure(name: str, scale: Scale) -> Ratio:
    """The ratio of a method's search times. name: the method's; for DARTS darts_first_order or darts_second_order."""
    order = {"darts_first_order": 1, "darts_second_order": 2}.get(name)
    entry = "darts" if order else name
    space = registry.space(entry)
    torch.manual_seed(0)
    supernet = fuse(space.supernet(scale.search)).to(scale.device, memory_format=torch.channels_last)
    splits = {
        split: (x.to(scale.device, memory_format=torch.channels_last), y.to(scale.device))
        for split, (x, y) in random_images(scale.search, scale.batch).items()
    }
    method = registry.method(entry, **_fields(entry, order))
    ours = partial(_search, method, supernet, space, scale, splits)
    naive = _darts(supernet, splits, order) if order else _slowly(method, supernet, space, scale, splits)
    _compare(name, space, supernet, splits["train"][0])
    return summary(name, [slow / fast for slow, fast in pairs(ours, naive, scale)])


def _fields(entry: str, order: int | None) -> dict[str, Any]:
    return {"order": order} if order else {"controller_steps": 1, "samples": 1} if entry == "enas" else {}


def _search(method: Method, supernet: Supernet, space: Space, scale: Scale, splits: Splits, number: int) -> None:
    method.search(OneBatchRun(supernet, space, scale.search, splits, number))


def _darts(supernet: Supernet, splits: Splits, order: int) -> Callable[[int], None]:
    alphas = 1e-3 * torch.randn(len(supernet.shape), supernet.shape[0], device=splits["val"][0].device)
    search = darts.Search(darts.naive(supernet), alphas)
    decisions = Adam([search.alphas], 3e-4, (0.5, 0.999), weight_decay=1e-3)

    def step(number: int) -> None:
        if order == 1:
            search.alphas.grad = search.first_order(splits["val"])
        else:
            search.alphas.grad = search.second_order(splits["train"], splits["val"], 0.025)
        decisions.step()
        search.weight_step(splits["train"])

    return step


def _slowly(method: Method, supernet: Supernet, space: Space, scale: Scale, splits: Splits) -> Callable[[int], None]:
    """The same search on a copy of the supernet that computes by its definition."""
    copied = fbnet.separated(supernet) if isinstance(space, Fbnet) else copy.deepcopy(supernet)
    copied.forward = partial(_mixed(space), copied)
    copied.requires_grad_ = lambda wanted=True: copied  # everything is differentiated, as in public code
    return partial(_search, method, copied, space, scale, splits)


def _mixed(space: Space) -> Callable[..., Tensor]:
    """The naive form of a space's supernet: (supernet, images, mix) -> logits."""
    modules = {"Darts": darts, "Enas": enas, "SinglePath": single_path}
    if isinstance(space, Fbnet):
        return lambda supernet, x, mix: fbnet.mixed(supernet, space.options, x, mix)
    return modules[type(space).__name__].mixed


def _compare(name: str, space: Space, supernet: Supernet, images: Tensor) -> None:
    """UserError where logits differ: of one architecture and, where a search mixes all candidates, of such a
    mixture."""
    generator = torch.Generator().manual_seed(0)
    mixes = [supernet.path(space.sample(random.Random(0)))]
    if isinstance(space, Darts | Fbnet):
        mixes.append([torch.randn(n, generator=generator).softmax(0).to(images.device) for n in supernet.shape])
    with torch.no_grad():
        for mix in mixes:
            equal(name, supernet(images, mix), _mixed(space)(supernet, images, mix))
