"""Training by the protocol's recipe: the statistics of batch normalisation after the last epoch."""

import copy
import random

import pytest
import torch
from torch import nn

from harness.plan import registry
from harness.running.checkpoint import Checkpoint
from harness.running.networks import fresh
from harness.running.train import Trainer
from protocols.datasets import load
from spaces.base import Size
from spaces.parts.cpu.fuse import unfuse
from tests import portable


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    portable.dataset(folder)
    return load(folder)


def trained(space, data, epochs):
    space = registry.space(space)
    size = Size(4, 3, 4, 8, inputs=1, auxiliary=True)
    network = fresh(lambda: space.build(space.sample(random.Random(3)), size), 0, torch.device("cpu"))
    trainer = Trainer(network, data, registry.protocol("smoke").default, torch.Generator().manual_seed(0))
    trainer.train(data.train.images, data.train.labels, epochs, Checkpoint(None, ""))
    return trainer


@pytest.mark.parametrize("space", registry.names("spaces"))
def test_statistics_are_the_plain_average_over_the_training_images(space, data, monkeypatch):
    monkeypatch.setattr("harness.running.train.EVALUATION_BATCH", 12)  # 32 images are batches of 11, 11 and 10
    before, average = [], Trainer._average_statistics

    def averaging(trainer, shown):
        before.append(copy.deepcopy(trainer.network))  # noise goes on with every call
        average(trainer, shown)

    monkeypatch.setattr(Trainer, "_average_statistics", averaging)
    trainer = trained(space, data, 2)
    network = unfuse(*before).train()
    norms = {name: module for name, module in network.named_modules() if isinstance(module, nn.BatchNorm2d)}
    seen = {name: [] for name in norms}
    for name, norm in norms.items():
        norm.register_forward_hook(
            lambda _, inputs, out, name=name: seen[name].append(inputs[0].transpose(0, 1).flatten(1))
        )
    with torch.no_grad():
        for batch in (data.train.images[:11], data.train.images[11:22], data.train.images[22:]):
            network(trainer.inputs.plain(batch))
    kept = dict(trainer.network.named_modules())
    for name, batches in seen.items():
        assert len(batches) == 3
        mean = torch.stack([x.mean(1) for x in batches]).mean(0)
        variance = torch.stack([x.var(1) for x in batches]).mean(0)
        torch.testing.assert_close(kept[name].running_mean, mean, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(kept[name].running_var, variance, rtol=1e-4, atol=1e-5)
        assert kept[name].momentum == norms[name].momentum == 0.1


def test_weights_stay_as_the_last_epoch_left_them(data, monkeypatch):
    averaged = trained("fbnet", data, 1).network.state_dict()
    monkeypatch.setattr(Trainer, "_average_statistics", lambda *_: None)
    lagging = trained("fbnet", data, 1).network.state_dict()
    moved = {name for name, value in averaged.items() if not torch.equal(value, lagging[name])}
    assert moved and all(name.endswith(("running_mean", "running_var", "num_batches_tracked")) for name in moved)
