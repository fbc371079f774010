"""Wrong forms of trainings in public codes: ours keeps a property, and the wrong form, put in its place, breaks it."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch
from torch import nn

from harness.plan import registry
from harness.plan.jobs import Search, Training
from harness.running import train as training
from harness.running.checkpoint import Checkpoint
from harness.running.clock import Clock
from harness.running.train import Trainer
from protocols.datasets import load
from spaces.base import Size
from spaces.darts.space import Darts
from spaces.parts.cells import Cell, CellNetwork
from spaces.parts.genotype import Genotype
from spaces.parts.network import DropPath
from tests import portable

SIZE = Size(channels=2, cells=3, classes=4, image=8, inputs=1, auxiliary=True)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    portable.dataset(folder)
    return load(folder)


def trained(data, **tricks):
    """(network before, network after, the probabilities to keep a path in each step) of two epochs."""
    setting = registry.protocol("smoke").default
    setting = replace(setting, tricks=replace(setting.tricks, auxiliary=0.4, **tricks))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Darts().build(Darts().sample(random.Random(0)), SIZE)
    before, kept = {name: value.clone() for name, value in network.named_parameters()}, []

    class Watched(Trainer):
        def step(self, x, y, optimizer, drop):
            kept.append(drop.keep if drop else 1.0)
            return super().step(x, y, optimizer, drop)

    Watched(network, data, setting, torch.Generator().manual_seed(0)).train(
        data.train.images, data.train.labels, 2, Checkpoint(None, "")
    )
    return before, dict(network.named_parameters()), kept


def trains_the_auxiliary_head(data):
    before, after, _ = trained(data)
    head = [name for name in before if name.startswith("auxiliary.") and before[name].dim() > 1]
    assert head
    return all(not torch.equal(before[name], after[name]) for name in head)


def without_head(network, recipe, optimizer=training._optimizer):
    body = nn.ModuleList(part for name, part in network.named_children() if name != "auxiliary")
    return optimizer(body, recipe)


def without_its_loss(self, x, drop=None, forward=CellNetwork.forward):
    return forward(self, x, drop)[0], None


@pytest.mark.parametrize(
    ("place", "name", "wrong"),
    [(training, "_optimizer", without_head), (CellNetwork, "forward", without_its_loss)],
    ids=["ENAS trains all but the head", "NASLib never adds its loss"],
)
def test_the_auxiliary_head_is_trained(data, monkeypatch, place, name, wrong):
    assert trains_the_auxiliary_head(data)
    monkeypatch.setattr(place, name, wrong)
    assert not trains_the_auxiliary_head(data)


def grows_from_nothing(data):
    *_, kept = trained(data, drop_path=0.4)
    half = len(kept) // 2
    return kept[:half] == half * [1.0] and kept[half:] == half * [0.8]


def test_drop_path_grows_with_the_epochs(data, monkeypatch):
    """In proportion to epoch / epochs, as in DARTS' public code, and not from the first step on."""
    assert grows_from_nothing(data)

    def constant(self, images, labels, optimizer, drop, epoch=Trainer._epoch):
        return epoch(self, images, labels, optimizer, DropPath(0.4, self.generator))

    monkeypatch.setattr(Trainer, "_epoch", constant)
    assert not grows_from_nothing(data)


def identities_stay():
    """Whether a node of two skip connections is the sum of what it reads, whatever is dropped."""
    edges = (("skip_connect", 0), ("skip_connect", 1))
    network = CellNetwork(Genotype(edges, (2,), edges, (2,)), replace(SIZE, auxiliary=False))
    cell, found = network.cells[0], []
    for part in (cell.preprocess0, cell.preprocess1, cell):
        part.register_forward_hook(lambda *passed: found.append(passed[-1]))
    network(torch.rand(4, 1, 8, 8), DropPath(0.9, torch.Generator().manual_seed(0)))
    first, second, node = found
    return torch.equal(node, first + second)


def test_drop_path_leaves_identities_alone(monkeypatch):
    """DARTS' public code drops the result of every operation but an identity."""
    assert identities_stay()
    monkeypatch.setattr(Cell, "_edge", lambda self, i, states, drop: drop(self.operations[i](states[self.sources[i]])))
    assert not identities_stay()


def looks_at_the_test_images_once(folder, monkeypatch):
    """Whether a training asks for accuracies on the test images once, after its last epoch."""
    test, measured, measure = load(folder).test.images, [], Trainer.accuracy
    with monkeypatch.context() as watched:
        watched.setattr(Trainer, "accuracy", lambda *given: measured.append(given[1]) or measure(*given))
        space, job = Darts(), Search("smoke", "portable", "darts", "random_sampling", 0)
        training.train(Training(job), space.text(space.sample(random.Random(0))), folder, Checkpoint(None, ""), Clock())
    return [torch.equal(images, test) for images in measured] == [True]


def test_the_test_images_choose_no_epoch(tmp_path, monkeypatch):
    """NAS-Benchmark measures after every epoch and reports the best."""
    portable.dataset(tmp_path)
    assert looks_at_the_test_images_once(tmp_path, monkeypatch)

    def after_every(self, *given, epoch=Trainer._epoch):
        found = epoch(self, *given)
        self.accuracy(load(tmp_path).test.images, load(tmp_path).test.labels)
        return found

    monkeypatch.setattr(Trainer, "_epoch", after_every)
    assert not looks_at_the_test_images_once(tmp_path, monkeypatch)
