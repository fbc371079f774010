"""Proxies that share passes say what each says alone, and the layers that are differentiated twice are torch's."""

import copy

import pytest
import torch
from torch import nn

from proxies.parts.shared import Shared, together
from proxies.parts.twice import twice_differentiable
from spaces.parts.entries import entry_class, names
from tests.proxies.test_proxies import CUT, batch, network, of_one_network, score

EACH = [*filter(of_one_network, names("proxies"))]


def generator():
    return torch.Generator().manual_seed(0)


def double(of):
    images, labels = batch()
    return of.double(), (images.double(), labels)


@pytest.mark.parametrize("arch", [None, CUT])
def test_together_as_alone(arch):
    of, on = double(network(arch) if arch else network())
    alone = [score(name, copy.deepcopy(of), on) for name in EACH]
    shared = together([entry_class("proxies", name)() for name in EACH], of, on, generator)
    assert [*shared] == pytest.approx(alone, rel=1e-9, nan_ok=True)


def test_together_they_need_one_forward_pass():
    of, calls = network(), []
    of.classifier.register_forward_hook(lambda *_: calls.append(0))
    proxies = [entry_class("proxies", name)() for name in EACH]
    assert len([*together([p for p in proxies if isinstance(p, Shared)], of, batch(), generator)]) >= 8
    assert len(calls) == 1


LAYERS = {
    "of NAS-Bench-201": lambda: [nn.Conv2d(4, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6)],
    "strided, in groups": lambda: [nn.Conv2d(4, 6, 3, stride=2, groups=2, bias=False), nn.BatchNorm2d(6, eps=0.1)],
    "dilated, nothing learnt": lambda: [nn.Conv2d(4, 6, 3, dilation=2, bias=False), nn.BatchNorm2d(6, affine=False)],
    "torch's own": lambda: [nn.Conv2d(4, 6, 3, padding="same"), nn.BatchNorm2d(6, track_running_stats=False)],
    "circular": lambda: [nn.Conv2d(4, 6, 3, padding=1, padding_mode="circular", bias=False), nn.BatchNorm2d(6)],
}


@pytest.mark.parametrize("kind", LAYERS)
def test_second_derivatives_are_those_of_torch(kind):
    torch.manual_seed(0)
    of = nn.Sequential(
        nn.Conv2d(3, 4, 1, bias=False), *LAYERS[kind](), nn.ReLU(), nn.Conv2d(6, 2, 1, bias=False)
    ).double()
    for p in of.parameters():
        nn.init.normal_(p)
    images = torch.randn(5, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    weights = [module.weight for module in of if isinstance(module, nn.Conv2d)]

    def derivatives():
        first = torch.autograd.grad(of(images).sin().sum(), [*of.parameters(), images], create_graph=True)
        wanted = [slope for p, slope in zip(of.parameters(), first) if any(p is weight for weight in weights)]
        second = torch.autograd.grad(sum((slope * slope.detach()).sum() for slope in wanted), weights)
        return [slope.detach() for slope in (*first, *second)]

    expected = derivatives()
    with twice_differentiable(of):
        found = derivatives()
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)
    assert not any("forward" in vars(module) for module in of.modules())


@pytest.mark.parametrize("name", ["fisher", "nwot", "grad_norm"])
def test_layers_that_work_in_place_change_no_score(name):
    """Each linear layer is followed by an activation that overwrites what it gave."""

    def made(inplace):
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(192, 8), nn.ELU(1.0, inplace), nn.Linear(8, 4), nn.ReLU(inplace))

    assert score(name, made(True)) == pytest.approx(score(name, made(False)), rel=1e-6)
