"""The fast evaluation network of a cell space equals its definition, in which every layer can be seen."""

import copy
import random

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from spaces.base import Size
from spaces.darts.space import Darts
from spaces.enas.space import Enas
from spaces.parts.cpu.fuse import fuse
from spaces.parts.network import DropPath

SIZE = Size(4, 4, 5, 8, 3, "cifar", auxiliary=True)
SPACES = [Darts(), Enas()]
IDS = ["darts", "enas"]


def network_of(space, seed):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return space.build(space.sample(random.Random(seed)), SIZE)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-4)])
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("space", SPACES, ids=IDS)
def test_equals_the_definition(space, training, dtype, tolerance):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(8, 3, 8, 8, generator=generator, dtype=dtype, requires_grad=True)
    labels = torch.randint(5, (8,), generator=generator)
    for seed in range(2):
        definition, results = network_of(space, seed).to(dtype).train(training), []
        for form in (fuse(copy.deepcopy(definition)), definition):
            drop = DropPath(0.3, torch.Generator().manual_seed(1)) if training else None
            logits, extra = form(x, drop)
            loss = cross_entropy(logits, labels) + (0.4 * cross_entropy(extra, labels) if training else 0.0)
            gradients = torch.autograd.grad(loss, [x, *form.parameters()], allow_unused=not training)
            results.append([logits, extra, *gradients, *form.buffers()])
        for mine, its in zip(*results, strict=True):
            torch.testing.assert_close(mine, its, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("form", [fuse, lambda network: network], ids=["fused", "definition"])
@pytest.mark.parametrize("space", SPACES, ids=IDS)
def test_every_layer_is_called_once(space, form):
    network = form(network_of(space, 0))
    leaves = [part for part in network.modules() if not list(part.children()) and not isinstance(part, nn.ModuleDict)]
    calls = dict.fromkeys(leaves, 0)
    for part in leaves:
        part.register_forward_hook(lambda part, *_: calls.update({part: calls[part] + 1}))
    network(torch.zeros(2, 3, 8, 8))
    assert set(calls.values()) == {1}
    assert sum(isinstance(part, nn.ReLU) for part in calls) >= 10
