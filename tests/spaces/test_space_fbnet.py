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
from spaces.parts.layer_shapes import LayerShape
from spaces.parts.network import DropPath, use_batch_statistics
from tests.reference.fbnet import mixed, mixed_layer

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


def supernet_case(dtype):
    torch.manual_seed(0)
    supernet = Fbnet().supernet(TINY).to(dtype)
    for weight in supernet.parameters():
        weight.data += 0.1 * torch.randn_like(weight)
    mix = [torch.rand(9, dtype=dtype).div(4).requires_grad_() for _ in range(22)]
    return supernet, torch.randn(6, 3, 8, 8, dtype=dtype), mix


def both_gradients(fast, naive, inputs):
    """The largest difference between two forms of a function, in outputs and gradients, relative to their elements."""
    results = []
    for y in (fast, naive):
        gradients = torch.autograd.grad(y.logsumexp(1).sum(), inputs, allow_unused=True)
        results.append([y.detach(), *(g if g is not None else torch.zeros(()) for g in gradients)])
    return max(float((a - b).abs().max() / b.abs().max().clamp_min(1.0)) for a, b in zip(*results))


def test_supernet_equals_naive_form():
    supernet, x, mix = supernet_case(torch.float64)
    inputs = [*supernet.parameters(), *mix]
    assert both_gradients(supernet(x, mix), mixed(supernet, Fbnet.options, x, mix), inputs) <= 1e-9


@pytest.mark.parametrize("place", [0, 4, 16])
def test_layers_equal_naive_form_in_single_precision(place):
    supernet, _, mix = supernet_case(torch.float32)
    layer, weights = supernet.layers[place], mix[place]
    x = torch.randn(6, SPACE.layer_shapes(TINY)[place].inputs, 8, 8, requires_grad=True)
    inputs = [x, weights, *layer.parameters()]
    assert both_gradients(layer(x, weights), mixed_layer(layer, Fbnet.options, x, weights), inputs) <= 1e-4


@pytest.mark.parametrize("e1_pointwise", [False, True])
@pytest.mark.parametrize("used", [range(9), (1, 2, 3), (0, 5, 8), (4, 7)])
@pytest.mark.parametrize(
    ("inputs", "outputs", "stride", "image"), [(4, 4, 1, 9), (4, 8, 2, 10), (8, 8, 1, 4), (4, 8, 2, 5)]
)
def test_stacked_layers_equal_naive_form(inputs, outputs, stride, image, used, e1_pointwise):
    torch.manual_seed(0)
    space = Fbnet(conv_bias=False, e1_pointwise=e1_pointwise)
    layer = use_batch_statistics(MixedLayer(space, LayerShape(inputs, outputs, stride, image))).double()
    for weight in layer.parameters():
        weight.data += 0.1 * torch.randn_like(weight)
    mix = torch.tensor([float(i in used) for i in range(9)], dtype=torch.float64) * torch.rand(9, dtype=torch.float64)
    x = torch.randn(5, inputs, image, image, dtype=torch.float64, requires_grad=True)
    tensors = [x, *layer.parameters()]
    for weights in (mix, mix.clone().requires_grad_()):
        tensors += [weights] * weights.requires_grad
        assert both_gradients(layer(x, weights), mixed_layer(layer, Fbnet.options, x, weights), tensors) <= 1e-9


@pytest.mark.parametrize("trained", [False, True])
def test_large_layers_equal_naive_form(trained):
    """Also in an architecture step, which trains no weights."""
    torch.manual_seed(0)
    layer = use_batch_statistics(MixedLayer(Fbnet(conv_bias=False), LayerShape(8, 12, 1, 16))).double()
    for weight in layer.parameters():
        weight.data += 0.1 * torch.randn_like(weight)
    layer.requires_grad_(trained)
    x = torch.randn(3, 8, 16, 16, dtype=torch.float64, requires_grad=True)
    mix = torch.rand(9, dtype=torch.float64, requires_grad=True)
    tensors = [x, mix, *(layer.parameters() if trained else [])]
    assert both_gradients(layer(x, mix), mixed_layer(layer, Fbnet.options, x, mix), tensors) <= 1e-9


@pytest.mark.parametrize("image", [3, 9])
def test_stacked_layers_have_second_derivatives(image):
    torch.manual_seed(0)
    layer = use_batch_statistics(MixedLayer(Fbnet(conv_bias=False), LayerShape(4, 4, 1, image))).double()
    x, mix = torch.randn(2, 4, image, image, dtype=torch.float64), torch.rand(9, dtype=torch.float64).requires_grad_()
    inputs, results = [*layer.parameters(), mix], []
    for y in (layer(x, mix), mixed_layer(layer, Fbnet.options, x, mix)):
        first = torch.autograd.grad(y.square().sin().sum(), inputs, create_graph=True)
        results.append(torch.autograd.grad(sum(g.square().sum() for g in first), inputs))
    assert max(float((a - b).abs().max() / b.abs().max().clamp_min(1.0)) for a, b in zip(*results)) <= 1e-8


def test_paths_and_inheritance():
    supernet, x, _ = supernet_case(torch.float64)
    space, rng = Fbnet(), random.Random(0)
    for _ in range(3):
        arch = space.sample(rng)
        path = supernet.path(arch)
        assert supernet.derive(path) == arch
        state = torch.get_rng_state()
        plain = supernet.inherit(arch)
        assert torch.equal(state, torch.get_rng_state())
        assert torch.allclose(supernet(x, path), plain(x), rtol=0, atol=1e-9)
        assert torch.allclose(supernet(x, path), mixed(supernet, Fbnet.options, x, path), rtol=0, atol=1e-9)


def test_candidates_of_weight_zero_are_not_computed():
    supernet, x, _ = supernet_case(torch.float64)
    for layer in supernet.layers:
        for weight in layer.weights(7).values():
            weight.detach().fill_(float("nan"))
    assert supernet(x, supernet.path((0,) * 22)).isfinite().all()


def test_a_supernet_needs_skip_as_its_last_option():
    class Turned(Fbnet):
        options = ("skip", *Fbnet.options[:-1])

    with pytest.raises(UserError, match="Turned: of its options skip, .* the last must be skip"):
        MixedLayer(Turned(), LayerShape(4, 4, 1, 8))
