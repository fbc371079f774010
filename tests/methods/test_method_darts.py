"""The DARTS method: its architecture gradients against those of the public code, and its search on a tiny problem."""

import copy
import math
import random
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from benchmarks import public_darts
from methods.darts import Darts
from methods.parts.architect import Alphas, first_order, second_order
from methods.parts.bilevel import accuracy, entropy, weight_step
from protocols.base import Budget
from protocols.parts.optimizers import SGD, Adam, cosine
from spaces.base import Size, Space, UserError
from spaces.darts import space as darts
from spaces.parts.cpu.fuse import fuse, unfuse
from tests.reference.run import TinyRun, random_images
from tests.spaces.test_space_darts import published_supernet

LR, MOMENTUM, DECAY = 0.025, 0.9, 3e-4
TINY = Size(2, 3, 5, 8)


@pytest.fixture(scope="module")
def case():
    supernet, values, data = published_supernet()
    supernet = fuse(supernet)
    alphas = Alphas(supernet.shape, torch.Generator()).double()
    with torch.no_grad():
        alphas.logits[0].copy_(values)
    batches = {
        split: (torch.from_numpy(data[f"x_{split}"]).double(), torch.from_numpy(data[f"y_{split}"]))
        for split in ("train", "valid")
    }
    return supernet, alphas, batches, data


def distance(found, data, key):
    """The distance of a gradient from the published one, relative to the latter's norm."""
    published = torch.from_numpy(np.concatenate([data[f"{key}_normal"], data[f"{key}_reduce"]]))
    return float((found.gradients[0] - published).norm() / published.norm())


def test_first_order_gradient_is_the_published_one(case):
    supernet, alphas, batches, data = case
    found = first_order(supernet, alphas, batches["valid"])
    assert distance(found, data, "grad_first") < 1e-8
    assert found.loss == pytest.approx(float(data["loss_valid"]), rel=1e-10)
    assert all(w.grad is None and w.requires_grad for w in supernet.parameters())


@pytest.fixture(scope="module")
def second(case):
    """Second-order gradients with both forms of the Hessian."""
    supernet, alphas, batches, _ = case
    before = [w.clone() for w in supernet.parameters()]
    gradients = {
        hessian: second_order(supernet, alphas, *batches.values(), LR, MOMENTUM, (), DECAY, hessian)
        for hessian in ("finite_difference", "exact")
    }
    assert all(torch.equal(a, b) for a, b in zip(before, supernet.parameters()))
    return gradients


@pytest.mark.parametrize(("hessian", "key"), [("finite_difference", "grad_second"), ("exact", "grad_second_exact")])
def test_second_order_gradient_is_the_published_one(case, second, hessian, key):
    assert distance(second[hessian], case[3], key) < 1e-8


def test_published_difference_is_far_from_the_exact_gradient(second):
    """By 26 to 51% of the norm, as the method's docstring says."""
    exact, difference = (second[hessian].gradients[0].split(14) for hessian in ("exact", "finite_difference"))
    errors = [float((e - d).norm() / e.norm()) for e, d in zip(exact, difference)]
    assert errors == pytest.approx([0.505598867, 0.262988947], rel=1e-6)


def test_second_order_gradient_with_momentum_is_the_published_one():
    supernet, values, data = published_supernet()
    supernet = fuse(supernet)
    alphas = Alphas(supernet.shape, torch.Generator()).double()
    with torch.no_grad():
        alphas.logits[0].copy_(values)
    train, valid = (
        (torch.from_numpy(data[f"x_{s}"]).double(), torch.from_numpy(data[f"y_{s}"])) for s in ("train", "valid")
    )
    weights = SGD(supernet.parameters(), LR, MOMENTUM, DECAY)
    weight_step(supernet, weights, alphas.mix(), train, clip=math.inf)
    buffers = [weights.state[w]["momentum_buffer"] for w in weights.params]
    found = second_order(supernet, alphas, train, valid, LR, MOMENTUM, buffers, DECAY, "finite_difference")
    assert distance(found, data, "grad_second_warm") < 1e-8


def test_search_steps_are_the_naive_ones():
    """In float64, after a weight step, so that the second order has momentum."""
    generator, supernet = torch.Generator().manual_seed(0), run_of().supernet().double()
    alphas = Alphas(supernet.shape, generator).double()
    naive = public_darts.Search(unfuse(copy.deepcopy(supernet)), alphas.logits[0])
    weights = SGD(supernet.parameters(), LR, MOMENTUM, DECAY)
    train, valid = (
        (torch.randn(8, 3, 8, 8, generator=generator).double(), torch.randint(5, (8,), generator=generator))
        for _ in range(2)
    )
    weight_step(supernet, weights, alphas.mix(), train, clip=5.0)
    naive.weight_step(train)
    buffers = [weights.state[w]["momentum_buffer"] for w in weights.params]
    second = second_order(supernet, alphas, train, valid, LR, MOMENTUM, buffers, DECAY, "finite_difference")
    pairs = (
        (first_order(supernet, alphas, valid).gradients[0], naive.first_order(valid)),
        (second.gradients[0], naive.second_order(train, valid, LR)),
    )
    for ours, theirs in pairs:
        assert float((ours - theirs).norm()) <= 1e-9 * float(theirs.norm())


class FusedRun(TinyRun):
    def supernet(self):
        return fuse(super().supernet())


def run_of(space=None, epochs=2, seed=0):
    return FusedRun(space or darts.Darts(), TINY, Budget(epochs=epochs, batch=16), random_images(TINY, 16), seed)


@pytest.mark.parametrize("options", [{}, {"order": 2}, {"order": 2, "hessian": "exact"}])
def test_search_is_reproducible_and_logs_its_course(options):
    runs, archs, state = [run_of() for _ in range(2)], [], torch.get_rng_state()
    for run in runs:
        archs.append(Darts(**options).search(run))
    assert torch.equal(state, torch.get_rng_state())
    assert archs[0] == archs[1]
    assert run.space.valid(archs[0])
    assert runs[0].curve == runs[1].curve
    assert set(run.state) == {"supernet", "alphas", "weight_optimizer", "alpha_optimizer"}
    assert run.seen == ["train", "val"] * 2
    assert [row["lr"] for row in run.curve] == [0.025, pytest.approx(0.013)]
    for row in run.curve:
        assert {"train_loss", "train_accuracy", "val_loss", "val_accuracy", "alpha_entropy"} < set(row)
        assert 0 < row["alpha_entropy"] <= math.log(8) + 1e-6


def test_alphas_start_and_group():
    alphas = Alphas((3, 3, 5, 3), torch.Generator().manual_seed(1))
    assert [tuple(p.shape) for p in alphas.parameters()] == [(2, 3), (1, 5), (1, 3)]
    assert [len(weights) for weights in alphas.mix()] == [3, 3, 5, 3]
    assert float(alphas.logits[0].detach().abs().max()) < 5e-3
    assert entropy(alphas.mix()) == pytest.approx((3 * math.log(3) + math.log(5)) / 4, abs=1e-4)


def test_search_learns_which_operations_help():
    """Only the architecture is trained: the validation loss of a fixed supernet must fall."""
    run = run_of()
    supernet, batch = run.supernet(), run.splits["val"]
    alphas = Alphas(supernet.shape, torch.Generator().manual_seed(0))
    optimizer, losses = Adam(alphas.parameters(), 0.1), []
    for _ in range(12):
        found = first_order(supernet, alphas, batch)
        losses.append(found.loss)
        for parameter, gradient in zip(alphas.parameters(), found.gradients):
            parameter.grad = gradient
        optimizer.step()
    assert losses[-1] < losses[0] - 0.01


def test_weight_step_clips_and_lowers_the_loss():
    run = run_of()
    supernet, batch = run.supernet(), run.splits["train"]
    weights = SGD(supernet.parameters(), 0.1)
    mix = supernet.path(run.space.sample(random.Random(0)))
    before = [w.detach().clone() for w in supernet.parameters()]
    first, _ = weight_step(supernet, weights, mix, batch, clip=1e-3)
    moved = torch.cat([(a - b.detach()).flatten() for a, b in zip(before, supernet.parameters())]).norm()
    assert float(moved) == pytest.approx(0.1 * 1e-3, rel=1e-2)
    for _ in range(15):
        last, right = weight_step(supernet, weights, mix, batch, clip=5.0)
    assert last < first
    assert accuracy(supernet, mix, [batch]) >= right - 0.1


def test_cosine_and_entropy():
    assert [cosine(0.025, 0.001, epoch, 50) for epoch in (0, 25, 50)] == pytest.approx([0.025, 0.013, 0.001])
    assert entropy([torch.tensor([1.0, 0.0]), torch.tensor([0.5, 0.5])]) == pytest.approx(math.log(2) / 2)


@dataclass(frozen=True)
class Bare(Space):
    choices: ClassVar = (2,)
    published: ClassVar = TINY
    decode = encode = write = read = network = None


def test_unsupported_spaces_and_wrong_fields_are_refused():
    assert "supernet" in Darts().unsupported(Bare())
    assert Darts().unsupported(darts.Darts()) is None
    for wrong in ({"order": 3}, {"hessian": "diagonal"}):
        with pytest.raises(UserError, match="must be"):
            Darts(**wrong)


def test_loss_and_accuracy_are_the_batch_means(case):
    supernet, alphas, batches, _ = case
    images, labels = batches["valid"]
    logits = supernet(images, alphas.mix())
    found = first_order(supernet, alphas, batches["valid"])
    assert found.loss == pytest.approx(F.cross_entropy(logits, labels).item())
    assert found.accuracy == pytest.approx(float((logits.argmax(1) == labels).double().mean()))
