"""Spaces of two cells: the fast form of the supernet equals its definition; a space with candidates of its own."""

import copy
import random
from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from torch.func import functional_call

from spaces.base import Size, UserError
from spaces.darts.space import Darts
from spaces.darts_s3 import DartsS3
from spaces.parts.cell_choices import CellChoices
from spaces.parts.cell_space import CellSpace
from spaces.parts.cpu.fuse import Fused, fuse, unfuse
from spaces.parts.cpu.kernels import usable
from spaces.parts.genotype import Genotype

UNEVEN = CellChoices(
    "uneven",
    normal=(("skip_connect", "dil_conv_5x5"), ("max_pool_3x3", "sep_conv_3x3")) * 7,
    reduce=(("avg_pool_3x3", "conv_7x1_1x7"), ("none", "skip_connect", "sep_conv_7x7")) * 7,
)


@dataclass(frozen=True)
class Uneven(CellSpace):
    """Every edge has candidates of its own, not equally many, one of them without a form of its own."""

    cells = UNEVEN
    choices = UNEVEN.choices


SPACES = [Darts(), Uneven(), DartsS3()]
IDS = ["darts", "uneven", "S3"]

kernels = pytest.mark.skipif(not usable(torch.zeros(1)), reason="no kernels here")


def seeded(make, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def images(size, dtype, count=8, seed=1):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, size.inputs, size.image, size.image, generator=generator).to(dtype)
    return x, torch.randint(size.classes, (count,), generator=generator)


def mixes(supernet, dtype):
    """Soft weights that need gradients; few of them, other ones at each place, at some none; those of one candidate
    that need gradients."""
    generator = torch.Generator().manual_seed(2)
    soft = [torch.randn(n, generator=generator, dtype=torch.float64).softmax(0) for n in supernet.shape]
    few = [w * (torch.rand(len(w), generator=generator) < 0.4) for w in soft]
    few[0], few[1] = 0 * few[0], 0 * few[1]
    one_hot = [F.one_hot(w.argmax(), len(w)) for w in soft]
    return {
        "soft": [w.to(dtype).requires_grad_() for w in soft],
        "few": [w.to(dtype) for w in few],
        "straight_through": [w.to(dtype).requires_grad_() for w in one_hot],
    }


def outcome(supernet, x, labels, mix):
    """Logits and the gradients of images, weights and mix."""
    x = x.detach().requires_grad_()
    logits = supernet(x, mix)
    wanted = [x, *supernet.parameters(), *(w for w in mix if w.requires_grad)]
    gradients = torch.autograd.grad(F.cross_entropy(logits, labels), wanted, allow_unused=True)
    return [logits, *(torch.zeros_like(w) if g is None else g for g, w in zip(gradients, wanted))]


def assert_close(mine, its, tolerance):
    scale = max(float(each.detach().norm()) for each in its)
    for a, b in zip(mine, its, strict=True):
        assert float((a - b).detach().norm()) <= tolerance * scale


@kernels
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("kind", ["soft", "few", "straight_through"])
@pytest.mark.parametrize("space", SPACES, ids=IDS)
def test_fast_supernet_equals_the_definition(space, kind, training):
    size = Size(4, 3, 5, 8)
    definition = seeded(lambda: space.supernet(size)).double().train(training)
    fast, mix = fuse(copy.deepcopy(definition)), mixes(definition, torch.float64)[kind]
    results = [outcome(form, *images(size, torch.float64), mix) for form in (fast, definition)]
    assert all(isinstance(cell, Fused) for cell in fast.cells)
    assert_close(*results, 1e-9)


@kernels
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-4)])
@pytest.mark.parametrize("size", [Size(3, 4, 5, 10), Size(4, 3, 5, 64, stem="imagenet", inputs=1)])
def test_fast_supernet_equals_the_definition_at_other_sizes(size, dtype, tolerance):
    definition = seeded(lambda: Darts().supernet(size)).to(dtype)
    mix = mixes(definition, dtype)["soft"]
    results = [outcome(form, *images(size, dtype), mix) for form in (fuse(copy.deepcopy(definition)), definition)]
    assert_close(*results, tolerance)


@kernels
def test_second_derivatives_are_those_of_the_definition():
    """d²L/(dmix dw) along a direction of the weights: what DARTS' second order differentiates."""
    size = Size(2, 3, 5, 8)
    definition = seeded(lambda: Darts().supernet(size)).double()
    (x, labels), results = images(size, torch.float64), []
    for supernet in (fuse(copy.deepcopy(definition)), definition):
        mix, weights = mixes(definition, torch.float64)["soft"], list(supernet.parameters())
        loss, generator = F.cross_entropy(supernet(x, mix), labels), torch.Generator().manual_seed(3)
        slopes = torch.autograd.grad(loss, weights, create_graph=True)
        along = [torch.randn(w.shape, generator=generator, dtype=torch.float64) for w in weights]
        results.append(torch.autograd.grad(slopes, mix, along))
    assert_close(*results, 1e-9)


@kernels
def test_fast_form_reads_the_weights_that_are_there():
    """After a copy, a change in place, other data, other tensors for one call, and a copied state."""
    size = Size(2, 2, 5, 8)
    definition = seeded(lambda: Darts().supernet(size)).double()
    (x, _), mix = images(size, torch.float64), mixes(definition, torch.float64)["soft"]
    other = seeded(lambda: Darts().supernet(size), 1).double()
    expected = other(x, mix)
    fast = copy.deepcopy(fuse(copy.deepcopy(definition)))
    torch.testing.assert_close(fast(x, mix), definition(x, mix))
    torch.testing.assert_close(functional_call(fast, dict(other.named_parameters()), (x, mix)), expected)
    torch.testing.assert_close(fast(x, mix), definition(x, mix))
    fast.load_state_dict(other.state_dict())
    torch.testing.assert_close(fast(x, mix), expected)
    fast = fuse(copy.deepcopy(definition))
    fast.load_state_dict(other.state_dict(), assign=True)
    torch.testing.assert_close(fast(x, mix), expected)
    for w, its in zip(fast.parameters(), definition.parameters()):
        w.data = its.data.clone()
    torch.testing.assert_close(fast(x, mix), definition(x, mix))
    assert list(unfuse(fast).state_dict()) == list(definition.state_dict())


def test_every_layer_of_the_definition_is_called():
    supernet = seeded(lambda: Darts().supernet(Size(2, 3, 5, 8)))
    leaves = [part for part in supernet.modules() if not list(part.children()) and part is not supernet]
    calls = dict.fromkeys(leaves, 0)
    for part in leaves:
        part.register_forward_hook(lambda part, *_: calls.update({part: calls[part] + 1}))
    fuse(supernet)(images(supernet.size, torch.float32)[0], mixes(supernet, torch.float32)["soft"])
    assert [part for part, times in calls.items() if times != 1 and not isinstance(part, torch.nn.ModuleDict)] == []


@pytest.mark.parametrize("space", SPACES, ids=IDS)
def test_architectures_round_trip_and_are_what_the_supernet_derives(space):
    supernet, rng = seeded(lambda: space.supernet(Size(2, 3, 5, 8))).double(), random.Random(0)
    for _ in range(20):
        arch = space.sample(rng)
        assert space.parse(space.text(arch)) == arch
        assert supernet.derive(supernet.path(arch)) == arch
        assert all(space.valid(other) for other in space.neighbours(arch))


@pytest.mark.parametrize("space", SPACES, ids=IDS)
def test_a_path_is_the_inherited_network_and_the_built_one_trains(space):
    size, rng = Size(4, 4, 5, 8), random.Random(0)
    supernet, state = fuse(seeded(lambda: space.supernet(size)).double()), torch.get_rng_state()
    x, labels = images(size, torch.float64)
    for _ in range(3):
        arch = space.sample(rng)
        alone = supernet.inherit(arch)
        assert torch.equal(state, torch.get_rng_state())
        torch.testing.assert_close(supernet(x, supernet.path(arch)), alone(x), rtol=1e-9, atol=1e-12)
        next(alone.parameters()).data.zero_()
        network = seeded(lambda chosen=arch: space.build(chosen, size)).double()
        F.cross_entropy(network(x)[0], labels).backward()
        assert all(w.grad is not None for w in network.parameters())
    assert next(supernet.parameters()).abs().sum() > 0


def test_designs_outside_a_restricted_space_are_refused():
    genotype = DartsS3().decode(DartsS3().sample(random.Random(0)))
    pooled = Genotype((("max_pool_3x3", 0), *genotype.normal[1:]), *list(vars(genotype).values())[1:])
    with pytest.raises(UserError, match=r"outside the S3 space, 'normal', node 2: max_pool_3x3 is not one of skip"):
        DartsS3().encode(pooled)


def test_edges_with_fewer_candidates_restrict_the_architectures():
    """In the uneven space some edges of the reduction cell have two operations beside `none`, others their own two."""
    space = Uneven()
    assert set(space.choices[:12:3]) == {1, 3, 6, 10} and space.choices[1] == 2
    uneven = CellChoices(
        "uneven", normal=(("skip_connect",), ("skip_connect", "sep_conv_3x3")), reduce=DartsS3.cells.reduce[:2], nodes=1
    )
    assert uneven.choices == (1, 2, 2, 1, 2, 2)
    assert uneven.valid((0, 0, 1, 0, 1, 1)) and not uneven.valid((0, 1, 1, 0, 1, 1))
