"""The spaces S1 to S4 of RobustDARTS."""

import copy
import random
from collections import Counter
from math import prod

import pytest
import torch
from scipy.stats import kstest

from harness.plan import registry
from spaces.base import Size, UserError
from spaces.darts.choices import CANDIDATES
from spaces.darts_s1 import CELLS as S1
from spaces.darts_s2 import CELLS as S2
from spaces.darts_s3 import CELLS as S3
from spaces.darts_s4.network import Noise
from spaces.darts_s4.space import CELLS as S4
from spaces.parts.cpu.fuse import fuse
from spaces.parts.genotype import Genotype


@pytest.mark.parametrize("name", ["darts_s1", "darts_s2", "darts_s3", "darts_s4"])
def test_two_cells_of_180_wirings_and_two_operations_an_edge(name):
    assert prod(registry.space(name).choices) == (180 * 2**8) ** 2


def test_s1_has_the_published_table():
    """How often each operation stands in the authors' table, and its pairs that are easily confused: those without a
    skip connection."""
    counts = [Counter(name for pair in cell for name in pair) for cell in (S1.normal, S1.reduce)]
    assert counts[0] == {"skip_connect": 12, "sep_conv_3x3": 4, "dil_conv_3x3": 6, "dil_conv_5x5": 4, "max_pool_3x3": 2}
    assert counts[1] == {
        "max_pool_3x3": 8,
        "avg_pool_3x3": 6,
        "skip_connect": 6,
        "dil_conv_5x5": 5,
        "dil_conv_3x3": 2,
        "sep_conv_3x3": 1,
    }
    where = [dict(zip(S1.edges, cell)) for cell in (S1.normal, S1.reduce)]
    assert where[0][3, 3] == where[0][3, 4] == ("dil_conv_3x3", "dil_conv_5x5")
    assert where[1][0, 1] == ("max_pool_3x3", "dil_conv_3x3") and where[1][2, 1] == ("max_pool_3x3", "sep_conv_3x3")
    assert all(set(pair) < set(CANDIDATES) and len(set(pair)) == 2 for pair in S1.normal + S1.reduce)


def test_s3_is_s2_with_none_in_the_supernet():
    assert (S2.shape, S3.shape) == ((2,) * 28, (3,) * 28)
    assert [tuple(name for name in names if name != "none") for names in S3.normal] == list(S2.normal)
    none, skip, sep = [0.8, 0.15, 0.05], [0.8, 0.05, 0.15], [0.1, 0.3, 0.6]
    genotype = S3.derive([none, none, skip, none, sep, *[none] * 9, *[skip] * 14])
    assert genotype.normal[:4] == (
        ("skip_connect", 0),
        ("skip_connect", 1),
        ("sep_conv_3x3", 2),
        ("sep_conv_3x3", 0),
    )


def test_operations_of_other_edges_are_refused():
    cell = tuple(("skip_connect", source) for _ in range(4) for source in (0, 1))
    genotype = Genotype(cell, (2, 3, 4, 5), cell, (2, 3, 4, 5))
    assert registry.space("darts_s2").valid(registry.space("darts_s2").encode(genotype))
    with pytest.raises(UserError, match=r"S1 space, 'reduce', node 2: skip_connect is not one of max_pool_3x3"):
        registry.space("darts_s1").encode(genotype)


SIZE = Size(channels=4, cells=3, classes=5, image=8)
IMAGES = torch.randn(6, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def seeded(make):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make()


@pytest.mark.parametrize(("stride", "side"), [(1, 5), (2, 3)])
def test_noise_is_normal_and_drawn_anew_at_every_call_in_training(stride, side):
    """Whatever the input is; from a seed of its own, which leaves torch's generator alone."""
    noise, state = seeded(lambda: Noise(stride)), torch.get_rng_state()
    first, second = (noise(torch.full((40, 8, 5, 5), value)) for value in (0.0, 1e6))
    assert first.shape == second.shape == (40, 8, side, side)
    assert kstest(torch.cat((first, second)).flatten().numpy(), "norm").pvalue > 1e-3
    assert abs(float(torch.corrcoef(torch.stack((first.flatten(), second.flatten())))[0, 1])) < 0.06
    assert torch.equal(state, torch.get_rng_state())


def test_networks_with_noise_repeat_from_their_seed_and_go_on_from_their_state():
    space = registry.space("darts_s4")
    arch = space.sample(random.Random(0))
    networks = [seeded(lambda: space.build(arch, SIZE)) for _ in range(2)]
    networks.append(fuse(copy.deepcopy(networks[0])))
    trained = [[network(IMAGES)[0] for _ in range(2)] for network in networks]
    assert not torch.equal(*trained[0])
    assert all(map(torch.equal, trained[0], trained[1]))
    torch.testing.assert_close(trained[0], trained[2], rtol=1e-4, atol=1e-5)
    other = space.build(arch, SIZE)
    other.load_state_dict(networks[0].state_dict())
    assert torch.equal(other(IMAGES)[0], networks[0](IMAGES)[0])
    other.eval()
    assert torch.equal(other(IMAGES)[0], other(IMAGES)[0])


def test_faster_supernets_with_noise_equal_the_definition():
    """Logits and gradients of the mix; the faster form calls the same operations in another order."""
    plain = seeded(lambda: registry.space("darts_s4").supernet(SIZE)).double()
    generator = torch.Generator().manual_seed(1)
    mix = [torch.rand(2, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(28)]
    found = []
    for supernet in (plain, fuse(copy.deepcopy(plain))):
        logits = supernet(IMAGES.double(), mix)
        found.append((logits, *torch.autograd.grad(logits.square().sum(), mix)))
    torch.testing.assert_close(*found, rtol=1e-8, atol=1e-10)


def test_texts_with_noise_keep_every_other_operation():
    space = registry.space("darts_s4")
    cell = "[('noise', 0), ('sep_conv_3x3', 1), ('none', 0), ('skip_connect', 1)]"
    text = f"Genotype(normal={cell}, normal_concat=[2, 3], reduce={cell}, reduce_concat=[2, 3])"
    assert [name for name, _ in space.read(text).normal] == ["noise", "sep_conv_3x3", "none", "skip_connect"]
    assert set(S4.normal + S4.reduce) == {("noise", "sep_conv_3x3")}
    arch = space.sample(random.Random(0))
    with pytest.raises(UserError, match="unknown operation"):
        registry.space("darts_s2").read(space.text(arch))
    with pytest.raises(UserError, match=r"S4 space, 'normal': 2 nodes"):
        space.parse(text)
