"""The FBNet space against the published networks, and its supernet against the naive form."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from spaces.base import Size, UserError
from spaces.fbnet.space import FBNET_A, Fbnet
from spaces.fbnet.supernet import MixedLayer
from spaces.parts.cpu.fuse import fuse, unfuse
from spaces.parts.layer_shapes import LayerShape
from spaces.parts.network import DropPath

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "layerwise.json").read_text())
SPACE = Fbnet()
TINY = Size(channels=4, cells=0, classes=5, image=8)


def counted(space, design, size):
    """[parameters, multiply-adds] of a network, the latter by torch's own counter."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter, torch.no_grad():
        network = space.network(design, size).eval()
        network(torch.empty(1, size.inputs, size.image, size.image))
    return [sum(p.numel() for p in network.parameters()), counter.get_total_flops() / 2]


@pytest.mark.parametrize("name", ["a", "c"])
def test_published_networks(name):
    design, facts = GOLDEN[f"fbnet_{name}.searchable_22"]["value"], GOLDEN[f"fbnet_{name}"]["value"]
    design = Fbnet().read(",".join(design))

    def numbers(**reading):
        return counted(Fbnet(**reading), design, Fbnet.published)

    assert numbers() == [facts["params"], facts["macs"]]
    assert numbers(conv_bias=False) == [facts["params_without_redundant_conv_biases"], facts["macs"]]
    weights, macs = facts["variant_e1_with_pointwise"].values()
    assert numbers(e1_pointwise=True)[1] == macs
    with torch.device("meta"):
        network = Fbnet(e1_pointwise=True).network(design, Fbnet.published)
    assert (
        sum(m.weight.numel() for m in network.modules() if isinstance(m, (torch.nn.Conv2d, torch.nn.Linear))) == weights
    )


@pytest.mark.parametrize(
    ("reading", "size"),
    [({}, Fbnet.published), ({}, TINY), ({"conv_bias": False, "e1_pointwise": True}, TINY)],
)
def test_costs_add_up(reading, size):
    space, rng = Fbnet(**reading), random.Random(0)
    archs = [space.sample(rng) for _ in range(2)]
    expected = [counted(space, space.decode(arch), size) for arch in archs]
    for i, metric in enumerate(("parameters", "macs")):
        constant, table = space.costs(size, metric)
        for arch, numbers in zip(archs, expected):
            assert constant + sum(row[option] for row, option in zip(table, arch)) == numbers[i]


@pytest.mark.parametrize(("image", "last"), [(224, 7), (64, 2), (32, 4), (28, 4), (16, 2), (8, 2), (4, 2), (2, 2)])
def test_strides_are_dropped_earliest_first(image, last):
    shapes = Fbnet().layer_shapes(Size(16, 0, 10, image))
    assert shapes[-1].image == last
    strides = [shape.stride for shape in shapes if shape.stride == 2]
    assert shapes[17].stride == (2 if image > 2 else 1)
    assert len(strides) == {224: 4, 64: 4, 32: 3, 28: 3, 16: 3, 8: 2, 4: 1, 2: 0}[image]


def test_texts():
    space = Fbnet()
    arch = space.sample(random.Random(1))
    text = space.text(arch)
    assert (
        space.parse(text) == arch == space.parse(json.dumps(text.split(","))) == space.parse(text.replace(",", " , "))
    )
    assert space.parse(",".join(FBNET_A))[:3] == (8, 2, 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("k3_e3," * 21 + "k3_e9", "layer 22: unknown block 'k3_e9'; did you mean k3_e"),
        ("k3_e3", "1 blocks given: Fbnet has 22 layers"),
        ("k3_e3,,", "layer 2: '' is no block name"),
        ('["k3_e3", 3]', "layer 2: 3 is no block name"),
        ('["k3_e3"', "block list: .* at character"),
    ],
)
def test_bad_texts(text, message):
    with pytest.raises(UserError, match=message) as error:
        Fbnet().parse(text)
    assert "\n" not in str(error.value)


def test_network_trains_with_auxiliary_head_and_drop_path():
    space = Fbnet()
    arch = (3,) * 21 + (8,)
    network = space.build(arch, Size(4, 0, 5, 16, auxiliary=True))
    x = torch.randn(4, 3, 16, 16)
    drop = DropPath(0.5, torch.Generator().manual_seed(0))
    logits, extra = network(x, drop)
    assert logits.shape == extra.shape == (4, 5)
    assert network.eval()(x)[1] is None
    assert all(not torch.equal(network(x, drop)[0], network(x, drop)[0]) for _ in range(2))
    skipped = space.build((8,) * 22, TINY).eval()
    x = torch.randn(4, 3, 8, 8)
    assert torch.equal(skipped(x, drop)[0], skipped(x)[0])


def test_a_layer_is_the_weighted_sum_of_its_candidates():
    """Eq. 3 of the paper; candidates have weights of their own."""
    torch.manual_seed(0)
    layer = MixedLayer(SPACE, LayerShape(4, 8, 2, 9)).double()
    x, mix = torch.randn(5, 4, 9, 9, dtype=torch.float64), torch.rand(9, dtype=torch.float64)
    with torch.no_grad():
        expected = torch.stack([weight * candidate(x) for weight, candidate in zip(mix, layer.candidates)]).sum(0)
        torch.testing.assert_close(layer(x, mix), expected, rtol=1e-12, atol=1e-12)
    weights = [id(weight) for candidate in layer.candidates for weight in candidate.parameters()]
    assert len(weights) == len(set(weights)) == len(list(layer.parameters()))


@pytest.fixture(params=[unfuse, fuse], ids=["definition", "fused"])
def supernet(request):
    torch.manual_seed(0)
    return request.param(SPACE.supernet(TINY).double())


def test_paths_and_inheritance(supernet):
    x, rng = torch.randn(6, 3, 8, 8, dtype=torch.float64), random.Random(0)
    for _ in range(3):
        arch = SPACE.sample(rng)
        path = supernet.path(arch)
        assert supernet.derive(path) == arch
        state = torch.get_rng_state()
        plain = supernet.inherit(arch)
        assert torch.equal(state, torch.get_rng_state())
        assert torch.allclose(supernet(x, path), plain(x), rtol=0, atol=1e-9)
        mine = {id(weight) for weight in supernet.parameters()}
        assert not any(id(weight) in mine for weight in plain.parameters())


def test_candidates_of_weight_zero_are_not_computed(supernet):
    x = torch.randn(6, 3, 8, 8, dtype=torch.float64)
    for layer in supernet.layers:
        for weight in layer.candidates[7].parameters():
            weight.detach().fill_(float("nan"))
    assert supernet(x, supernet.path((0,) * 22)).isfinite().all()


def test_fresh_weights_are_drawn_in_the_order_of_the_definition():
    """Stem, tail, then layer by layer its candidates: as separate modules in this order."""
    torch.manual_seed(0)
    supernet = SPACE.supernet(TINY)
    torch.manual_seed(0)
    space = Fbnet(conv_bias=False)
    parts = [*space.ends((), TINY)]
    parts += [space.block(option, shape) for shape in space.layer_shapes(TINY) for option in space.options]
    drawn = [weight for part in parts for weight in part.parameters()]
    stem, tail = supernet.stem.parameters(), supernet.tail.parameters()
    assert all(map(torch.equal, [*stem, *tail, *supernet.layers.parameters()], drawn))


def test_a_supernet_needs_skip_as_its_last_option():
    class Turned(Fbnet):
        options = ("skip", *Fbnet.options[:-1])

    with pytest.raises(UserError, match="Turned: of its options skip, .* the last must be skip"):
        MixedLayer(Turned(), LayerShape(4, 4, 1, 8))
