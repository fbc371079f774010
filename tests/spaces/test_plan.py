"""Recorded plans: networks of all spaces replayed as C code equal their definitions, in every mode."""

import copy
import gc
import pickle
import random

import pytest
import torch
from torch import nn

from harness.plan import registry
from spaces.base import Size
from spaces.parts.cpu.fuse import fuse
from spaces.parts.cpu.kernels import usable
from spaces.parts.cpu.plan import replay
from spaces.parts.network import DropPath

pytestmark = pytest.mark.skipif(not usable(torch.zeros(1)), reason="no kernels here")
SPACES = ("darts", "enas", "fbnet", "single_path")


def network(space, seed=0, cells=3, image=8, auxiliary=True):
    space = registry.space(space)
    torch.manual_seed(seed)
    arch = space.sample(random.Random(seed))
    built = space.network(space.decode(arch), Size(4, cells, 5, image, auxiliary=auxiliary))
    return built.double().train()


def images(batch, side, seed=0):
    drawn = torch.randn(batch, 3, side, side, generator=torch.Generator().manual_seed(seed), dtype=torch.double)
    return drawn.contiguous(memory_format=torch.channels_last)


def plans(fused):
    return list(replay.PLANS[fused].plans.values())


def loss(results):
    """One that gives every logit a gradient of its own."""
    return sum((y * torch.linspace(-1, 1, y.numel()).view_as(y)).sum() for y in results if y is not None)


def close(mine, theirs):
    torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9)


def assert_equal_step(plain, fused, x, keep=None):
    """Logits, all gradients, running averages and the draws of a training step are the same."""
    draws = [torch.Generator().manual_seed(1) for _ in range(2)]
    drops = [None if keep is None else DropPath(keep, each) for each in draws]
    results = [each(x, drop) for each, drop in zip((plain, fused), drops)]
    for theirs, mine in zip(*results):
        assert (theirs is None) == (mine is None)
        if theirs is not None:
            close(mine, theirs)
    for each in results:
        loss(each).backward()
    for (name, p), q in zip(plain.named_parameters(), fused.parameters(), strict=True):
        assert (p.grad is None) == (q.grad is None), name
        if p.grad is not None:
            assert q.grad.stride() == q.stride()
            close(q.grad, p.grad)
        p.grad = q.grad = None
    for p, q in zip(plain.buffers(), fused.buffers(), strict=True):
        close(q, p)
    assert torch.equal(*(each.get_state() for each in draws))


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize(
    ("seed", "cells", "image", "batch", "auxiliary", "keep"),
    [
        (2, 8, 7, 2, True, 0.3),
        (3, 3, 12, 19, False, 0.2),
        (5, 2, 9, 33, True, None),
    ],
)
def test_a_plan_equals_the_definition(space, seed, cells, image, batch, auxiliary, keep):
    plain = network(space, seed, cells, image, auxiliary)
    fused = fuse(copy.deepcopy(plain))
    for step, size in enumerate((batch, 3)):  # the last batch is smaller
        assert_equal_step(plain, fused, images(size, image, step), keep)
    with torch.no_grad():
        for mine, theirs in zip(fused(images(4, image)), plain(images(4, image))):
            assert mine is theirs is None or torch.allclose(mine, theirs, 1e-9, 1e-9)
        plain.eval(), fused.eval()
        close(fused(images(7, image))[0], plain(images(7, image))[0])
    assert len(plans(fused)) == replay.KEPT and all(plans(fused))


@pytest.mark.parametrize("space", ["darts", "enas"])
def test_twenty_cells(space):
    plain = network(space, 4, 20)
    assert_equal_step(plain, fuse(copy.deepcopy(plain)), images(3, 8), 0.3)


def test_large_images_and_stems_of_three_convolutions():
    space = registry.space("darts")
    plain = space.network(
        space.decode(space.sample(random.Random(0))), Size(8, 3, 5, 70, stem="imagenet", auxiliary=True)
    )
    plain = plain.double().to(memory_format=torch.channels_last)
    fused = fuse(copy.deepcopy(plain))
    assert_equal_step(plain, fused, images(11, 70))
    assert all(plans(fused))


def test_two_passes_before_their_gradients_do_not_share_memory():
    plain = network("darts")
    fused = fuse(copy.deepcopy(plain))
    for each in (plain, fused):
        results = [each(images(4, 8, seed)) for seed in range(3)]
        for result in results:
            loss(result).backward()
    for p, q in zip(plain.parameters(), fused.parameters(), strict=True):
        assert (p.grad is None) == (q.grad is None)
        if p.grad is not None:
            close(q.grad, p.grad)


def test_gradients_twice_from_one_pass_and_of_one_result():
    plain = network("fbnet")
    fused = fuse(copy.deepcopy(plain))
    found = []
    for each in (plain, fused):
        logits, extra = each(images(4, 8))
        parameters = list(each.tail.parameters())
        found.append([*torch.autograd.grad(loss([logits]), parameters, retain_graph=True)])
        found[-1] += torch.autograd.grad(loss([logits, extra]), list(each.stem.parameters()))
    for theirs, mine in zip(*found, strict=True):
        close(mine, theirs)


def test_second_derivatives_and_gradients_of_images():
    plain = network("darts")
    fused = fuse(copy.deepcopy(plain))
    found = []
    for each in (plain, fused):
        drop = DropPath(0.3, torch.Generator().manual_seed(0))
        weights = [each.stem[0].weight, each.classifier.weight]
        first = torch.autograd.grad(loss(each(images(4, 8), drop)), weights, create_graph=True)
        found.append(torch.autograd.grad(sum(g.square().sum() for g in first), weights))
        x = images(4, 8).requires_grad_()
        found[-1] += torch.autograd.grad(loss(each(x)), [x])
        found[-1] += tuple(each.buffers())
    for theirs, mine in zip(*found, strict=True):
        close(mine, theirs)


def test_copies_pickles_and_memory():
    plain = network("enas")
    fused = fuse(copy.deepcopy(plain))
    fused(images(4, 8)), plain(images(4, 8))
    for other in (copy.deepcopy(fused), pickle.loads(pickle.dumps(fused))):
        assert_equal_step(copy.deepcopy(plain), other, images(4, 8))
    del other
    gc.collect()
    before = len(replay.PLANS)
    del fused
    gc.collect()
    assert len(replay.PLANS) == before - 1


def test_loaded_weights_frozen_parts_and_other_classifiers():
    plain, other = network("single_path"), network("single_path", seed=0)
    fused = fuse(copy.deepcopy(plain))
    assert_equal_step(plain, fused, images(4, 8))
    with torch.no_grad():
        for p in other.parameters():
            p.add_(0.1)
    for each in (plain, fused):
        each.load_state_dict(other.state_dict())
    assert_equal_step(plain, fused, images(4, 8))
    for each in (plain, fused):
        each.layers.requires_grad_(False).eval()
        each.stem[0][0].weight.data = each.stem[0][0].weight.data.clone() * 2
    assert_equal_step(plain, fused, images(4, 8))
    torch.manual_seed(0)
    plain.tail[-1] = nn.Linear(plain.tail[-1].in_features, 3).double()
    fused.tail[-1] = copy.deepcopy(plain.tail[-1])
    assert_equal_step(plain, fuse(fused), images(4, 8))


class Unheard(nn.Module):
    """An operation for which there is no rule."""

    def forward(self, x):
        return torch.tanh(x)


def test_what_cannot_be_planned_runs_as_the_definition():
    plain = network("single_path")
    plain.layers[3] = Unheard()
    fused = fuse(copy.deepcopy(plain))
    assert_equal_step(plain, fused, images(4, 8))
    assert plans(fused) == [None]


@pytest.mark.parametrize("momentum", [0.5, None])
def test_another_momentum_of_batch_normalisation_is_seen(momentum):
    plain = network("darts")
    fused = fuse(copy.deepcopy(plain))
    assert_equal_step(plain, fused, images(5, 8))
    for each in (*plain.modules(), *fused.modules()):
        if isinstance(each, nn.BatchNorm2d):
            each.reset_running_stats()
            each.momentum = momentum
    for step in range(2):
        assert_equal_step(plain, fused, images(5, 8, step))


@pytest.mark.parametrize(
    ("text", "keep"),
    [
        ("|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_3x3~2|", None),
        ("|none~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|none~1|nor_conv_1x1~2|", None),
        ("|none~0|+|nor_conv_3x3~0|none~1|+|avg_pool_3x3~0|nor_conv_3x3~1|nor_conv_1x1~2|", None),  # reads zeros
        ("|skip_connect~0|+|none~0|none~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|", 0.7),  # sums that are dropped
        ("|nor_conv_1x1~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|", None),  # node 1 has gradients of 0
        ("|nor_conv_1x1~0|+|none~0|nor_conv_1x1~1|+|none~0|none~1|none~2|", None),  # and so has everything
        ("|none~0|+|none~0|skip_connect~1|+|none~0|skip_connect~1|nor_conv_3x3~2|", 0.7),
    ],
)
def test_zeros_are_left_out_of_sums_and_stop_gradients(text, keep):
    space = registry.space("nasbench201")
    torch.manual_seed(0)
    plain = space.network(space.read(text), Size(3, 4, 5, 8, auxiliary=True)).double().train()
    fused = fuse(copy.deepcopy(plain))
    for seed in range(2):
        assert_equal_step(plain, fused, images(6, 8, seed), keep)
    assert all(plans(fused))
