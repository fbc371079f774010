"""Every proxy of the folder, on a small network of NAS-Bench-201."""

import math

import numpy as np
import pytest
import torch

from spaces.parts.entries import UserError, entry_class, names
from tests.proxies.networks import kaiming, nasbench201

BEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"
CUT = "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|nor_conv_3x3~2|"


def network(arch=BEST):
    return kaiming(nasbench201(arch, 4, 3))


def batch():
    return torch.randn(16, 3, 8, 8, generator=torch.Generator().manual_seed(1)), torch.arange(16) % 4


def score(name, of, on=None):
    return entry_class("proxies", name)().score(of, on or batch(), torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", [name for name in names("proxies") if not entry_class("proxies", name).terms])
def test_scores_are_repeatable_and_keep_weights_and_modules(name):
    of = network()
    before = [p.clone() for p in of.parameters()]
    first, global_state = score(name, of), torch.get_rng_state()
    assert math.isfinite(first)
    assert score(name, of) == pytest.approx(first, rel=1e-6)
    assert all(torch.equal(a, b) and a.grad is None for a, b in zip(of.parameters(), before))
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in of.modules())
    assert torch.equal(torch.get_rng_state(), global_state)


@pytest.mark.parametrize("name", ["grad_norm", "snip", "grasp", "fisher", "synflow", "plain"])
def test_a_network_without_a_path_scores_nothing(name):
    assert score(name, network(CUT)) == 0


def test_nwot_by_numpy():
    of, (images, _) = network(), batch()
    codes = []
    for module in of.modules():
        if isinstance(module, torch.nn.ReLU):
            module.register_forward_hook(lambda _, given, __: codes.append(given[0].flatten(1).numpy() > 0))
    with torch.no_grad():
        of.train()(images)
    same = sum((c[:, None] == c[None]).sum(2) for c in codes)
    assert score("nwot", of) == pytest.approx(np.linalg.slogdet(same.astype(float))[1], rel=1e-6)


def test_zico_by_numpy():
    of, (images, labels) = network().double(), batch()
    images = images.double()
    halves = []
    for part in (slice(8), slice(8, None)):
        of.zero_grad()
        torch.nn.functional.cross_entropy(of.train()(images[part])[0], labels[part]).backward()
        kinds = torch.nn.Conv2d | torch.nn.Linear
        halves.append([m.weight.grad.flatten().numpy().copy() for m in of.modules() if isinstance(m, kinds)])
    expected = 0.0
    for pair in zip(*halves):
        spread = np.std(pair, axis=0)
        kept = spread > 0
        expected += np.log((np.mean(np.abs(pair), axis=0)[kept] / spread[kept]).sum())
    of.zero_grad()
    assert score("zico", of, (images, labels)) == pytest.approx(expected, rel=1e-9)


def test_controls_count_as_written_by_hand():
    of = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.Flatten(), torch.nn.Linear(256, 10))
    assert score("params", of) == 3 * 4 * 9 + 4 + 2560 + 10
    assert score("flops", of) == 64 * 3 * 4 * 9 + 2560


def test_an_unknown_proxy_is_one_line():
    with pytest.raises(UserError, match="unknown proxy 'synflo': did you mean synflow"):
        entry_class("proxies", "synflo")
