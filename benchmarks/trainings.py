"""One step of trainings from scratch, ours against the definition trained by a plain PyTorch loop: evaluation networks
of the space darts, and networks of each space at the size of a protocol.

On a GPU ours runs in mixed precision, as in training, and compiled where the scale says so; the definition runs in
float32. Equality is checked in float64: in float32, after 20 cells with batch statistics, a definition differs by 1e-3
from itself in another memory layout.
"""

from __future__ import annotations

import copy
import random
from dataclasses import replace
from functools import partial
from statistics import mean, median
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.measuring import LAYOUTS, Ratio, Scale, Step, equal, summary, turns
from benchmarks.one_batch import Batch, noise
from benchmarks.peak import flops
from harness.plan import registry
from harness.plan.jobs import Search, Training
from harness.running.networks import fresh
from harness.running.train import Trainer
from protocols.base import Recipe, Setting, Tricks
from protocols.datasets import Data, Split
from protocols.parts.optimizers import SGD
from spaces.base import Size
from spaces.parts.cpu.fuse import unfuse
from spaces.parts.network import Network

EVALUATIONS = ("evaluation_8_cells", "evaluation_20_cells")
TRAININGS = tuple(f"training_{space}" for space in registry.names("spaces"))
NAMES = (*EVALUATIONS, *TRAININGS)
RECIPE = Recipe(epochs=1, batch=64, lr=0.025)
"""Of evaluation networks: SGD with momentum, weight decay and clipping as in DARTS."""


class Case(NamedTuple):
    """What a row trains."""

    space: str
    size: Size
    setting: Setting


def measure(name: str, scale: Scale) -> Ratio:
    """The mean ratio over random architectures, each of which gets an equal share of the time."""
    case = _case(name, scale)
    space, rng = registry.space(case.space), random.Random(0)
    share = replace(scale, seconds=scale.seconds / scale.networks)
    found = [_measure(name, case, space.decode(space.sample(rng)), share) for _ in range(scale.networks)]
    ratios = {layout: [row.layouts[layout] for row in found] for layout in LAYOUTS}
    needed = [row.flops for row in found if row.flops]
    return summary(name, ratios, mean(row.seconds for row in found), mean)._replace(flops=round(mean(needed)))


def _case(name: str, scale: Scale) -> Case:
    if name in EVALUATIONS:
        size = replace(scale.evaluation, cells=scale.cells[EVALUATIONS.index(name)])
        recipe = replace(RECIPE, batch=scale.evaluation_batch)
        setting = replace(registry.protocol(scale.protocol).default, recipe=recipe, tricks=Tricks())
        return Case("darts", size, setting)
    space = name.removeprefix("training_")
    search = Search(scale.protocol, "digits", space, "random_sampling", 0)
    job = Training(search)
    return Case(space, job.size(classes=10, inputs=1), job.setting)


def _measure(name: str, case: Case, design: object, scale: Scale) -> Ratio:
    space = registry.space(case.space)
    ours = fresh(lambda: space.network(design, case.size), 0, scale.device)
    definition = unfuse(copy.deepcopy(ours))
    images, labels = noise(case.size, case.setting.training.batch, 0)
    batch = images.to(scale.device), labels.to(scale.device)
    with torch.no_grad():
        results = [copy.deepcopy(form).double()(batch[0].double()) for form in (ours, definition)]
    for mine, its in zip(*results):  # logits, and those of the auxiliary head where there is one
        if mine is not None:
            equal(name, mine, its)
    plain = {
        layout: _plain(copy.deepcopy(definition).to(memory_format=shape), case.setting, _in(batch, shape))
        for layout, shape in LAYOUTS.items()
    }
    needed = flops(partial(plain["contiguous"], 0))
    trained = _ours(ours, case, _in(batch, torch.channels_last), scale)
    times = turns([trained, *plain.values()], scale)
    totals = [sum(column) for column in zip(*times)]
    ratios = {layout: [total / totals[0]] for layout, total in zip(plain, totals[1:])}
    return summary(name, ratios, median(row[0] for row in times))._replace(flops=needed)


def _in(batch: Batch, layout: torch.memory_format) -> Batch:
    return batch[0].contiguous(memory_format=layout), batch[1]


def _ours(network: Network, case: Case, batch: Batch, scale: Scale) -> Step:
    """The step that trainings take."""
    trainer = Trainer(network, _no_data(case.size), case.setting, torch.Generator())
    if scale.compiled:
        trainer.network = cast(Network, torch.compile(network))
    recipe = case.setting.training
    optimizer = SGD(network.parameters(), recipe.lr, recipe.momentum, recipe.weight_decay)
    return lambda number: trainer.step(*batch, optimizer, None)


def _no_data(size: Size) -> Data:
    """Of a dataset what a step knows of it."""
    nothing = Split(torch.zeros(0), torch.zeros(0))
    channels = (0.5,) * size.inputs
    return Data("noise", size.image, (), size.inputs, False, channels, channels, "", nothing, nothing, nothing)


def _plain(network: Network, setting: Setting, batch: Batch) -> Step:
    """The same step as anyone would write it."""
    recipe, (x, y) = setting.training, batch
    optimizer = torch.optim.SGD(
        network.train().parameters(), recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay
    )

    def step(number: int) -> None:
        logits, auxiliary = network(x)
        loss = F.cross_entropy(logits, y)
        if auxiliary is not None:
            loss = loss + setting.tricks.auxiliary * F.cross_entropy(auxiliary, y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
        optimizer.step()

    return step
