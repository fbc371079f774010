"""The faster forms of the layer-wise spaces' blocks, networks and supernets equal their definitions: results, all
gradients, second derivatives, running averages. In the definition every module's hook sees its call."""

from __future__ import annotations

import copy
import random
from collections import Counter

import pytest
import torch
from torch import nn

from spaces.base import Size
from spaces.fbnet.space import Fbnet
from spaces.fbnet.supernet import MixedLayer
from spaces.parts.cpu.fuse import FORMS, fuse, unfuse
from spaces.parts.cpu.kernels import usable
from spaces.parts.layer_shapes import LayerShape
from spaces.parts.network import use_batch_statistics
from spaces.single_path.space import SinglePath
from spaces.single_path.supernet import SuperkernelLayer
from spaces.single_path_se.space import SinglePathSe
from spaces.single_path_se.supernet import ExcitedLayer
from tests.reference.forms import difference, outcome, pair, worst

TINY = Size(channels=4, cells=0, classes=5, image=8)
SPACES = {
    "fbnet": Fbnet(),
    "fbnet e1_pointwise": Fbnet(conv_bias=False, e1_pointwise=True),
    "single_path": SinglePath(),
    "single_path_se": SinglePathSe(),
}
SHAPES = [
    LayerShape(4, 4, 1, 9),
    LayerShape(4, 8, 2, 10),
    LayerShape(8, 8, 1, 3),
    LayerShape(4, 8, 2, 5),
    LayerShape(8, 12, 1, 16),
]
LAYERS = {
    "fbnet": lambda shape: MixedLayer(Fbnet(conv_bias=False), shape),
    "fbnet e1_pointwise": lambda shape: MixedLayer(Fbnet(conv_bias=False, e1_pointwise=True), shape),
    "single_path": SuperkernelLayer,
    "single_path_se": ExcitedLayer,
}
OPTIONS = {"fbnet": 9, "fbnet e1_pointwise": 9, "single_path": 5, "single_path_se": 9}

pytestmark = pytest.mark.skipif(not usable(torch.zeros(1)), reason="no kernels here")
every_space = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
every_layer = pytest.mark.parametrize("name", LAYERS)


def maps(shape, images=5, dtype=torch.float64):
    torch.manual_seed(1)
    return torch.randn(images, shape.inputs, shape.image, shape.image, dtype=dtype).requires_grad_()


def layer_pair(name, shape, dtype=torch.float64):
    torch.manual_seed(0)
    forms = pair(use_batch_statistics(LAYERS[name](shape)), dtype)
    assert type(forms[1]) is FORMS[type(forms[0])]
    return forms


def fresh_mix(name, dtype=torch.float64):
    return torch.rand(OPTIONS[name], dtype=dtype).requires_grad_()


@every_space
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_blocks(space, training, shape):
    """With running averages, which a training pass moves and an evaluation reads."""
    for option in space.options[:-1] if not shape.residual else space.options:
        if option == "skip" and isinstance(space.block(option, shape), nn.Identity):
            continue
        torch.manual_seed(0)
        forms = pair(space.block(option, shape))
        for form in forms:
            form.train()(maps(shape))
            form.train(training)
        assert difference(forms, maps(shape)) <= 1e-9, option


def test_skipped_layers_that_change_the_shape():
    for shape in (LayerShape(4, 8, 2, 9), LayerShape(3, 8, 1, 4)):
        assert difference(pair(Fbnet().block("skip", shape)), maps(shape)) <= 1e-9


@every_space
def test_blocks_have_second_derivatives(space):
    shape = SHAPES[0]
    for option in space.options[:-1]:
        assert difference(pair(space.block(option, shape)), maps(shape), second=True) <= 1e-9, option


@every_space
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_networks(space, training):
    torch.manual_seed(0)
    size = Size(4, 0, 5, 8, auxiliary=True)
    for seed in range(2):
        forms = pair(space.build(space.sample(random.Random(seed)), size))
        x = torch.randn(6, 3, 8, 8, dtype=torch.float64, requires_grad=True)
        for form in forms:
            form.train()(x)
            form.train(training)
        assert difference(forms, x) <= 1e-9
        assert {n: t.shape for n, t in forms[0].state_dict().items()} == {
            n: t.shape for n, t in forms[1].state_dict().items()
        }


@every_space
def test_supernets(space):
    """Of a mixture of all options and of paths, and of the paths' plain networks."""
    torch.manual_seed(0)
    forms = pair(space.supernet(TINY))
    x = torch.randn(6, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    mix = [torch.rand(n, dtype=torch.float64).div(4).requires_grad_() for n in forms[0].shape]
    assert difference(forms, x, mix) <= 1e-9
    assert difference([form.eval() for form in forms], x, mix) <= 1e-9
    arch = space.sample(random.Random(0))
    assert difference(forms, x, forms[0].path(arch)) <= 1e-9
    assert difference([forms[0].inherit(arch), fuse(forms[1].inherit(arch))], x) <= 1e-9


@pytest.mark.parametrize("space", [SinglePath(), SinglePathSe()], ids=["single_path", "single_path_se"])
def test_search_step_of_thresholds(space):
    """Between the norms, so that some parts are on and some off."""
    torch.manual_seed(0)
    forms, x = pair(space.supernet(TINY)), torch.randn(6, 3, 8, 8, dtype=torch.float64)
    norms = torch.stack([layer.depthwise.weight.norm() for layer in forms[0].layers]).detach()
    thresholds = norms[:, None] * torch.tensor([0.8, 0.7, 0.7, 0.7])[: forms[0].decisions]
    thresholds = (thresholds + 0.02 * torch.randn(thresholds.shape)).detach().double().requires_grad_()
    results = []
    for form in forms:
        y = form(x, form.mixture(form.gates(thresholds)))
        results.append([y, *torch.autograd.grad(y.logsumexp(1).sum(), [thresholds, *form.parameters()])])
    assert worst(*([each.detach() for each in result] for result in results)) <= 1e-9
    assert results[0][1].count_nonzero(0).all()


@every_layer
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("trained", [True, False], ids=["weight step", "architecture step"])
def test_mixed_layers(name, shape, trained):
    forms = layer_pair(name, shape)
    for form in forms:
        form.requires_grad_(trained)
    assert difference(forms, maps(shape), fresh_mix(name)) <= 1e-9
    if trained:
        assert difference(forms, maps(shape), fresh_mix(name).detach()) <= 1e-9


@every_layer
@pytest.mark.parametrize("shape", SHAPES[:3], ids=str)
@pytest.mark.parametrize("used", [(1, 2, 3), (0,), (0, 2), (1,), (2, 3), (0, -1)])
def test_some_options(name, shape, used):
    mix = torch.zeros(OPTIONS[name], dtype=torch.float64)
    mix[list(used)] = torch.rand(len(used), dtype=torch.float64)
    assert difference(layer_pair(name, shape), maps(shape), mix) <= 1e-9


@pytest.mark.parametrize("name", ["single_path", "single_path_se"])
@pytest.mark.parametrize("used", [(4,), (0, 5), (6,), (7,), ()])
@pytest.mark.parametrize("shape", SHAPES[:3], ids=str)
def test_some_options_of_superkernels(name, shape, used):
    mix = torch.zeros(9 if name == "single_path_se" else 8, dtype=torch.float64)
    mix[list(used)] = 0.5
    assert difference(layer_pair(name, shape), maps(shape), mix) <= 1e-9


@every_layer
@pytest.mark.parametrize("shape", SHAPES[:3], ids=str)
def test_mixed_layers_in_single_precision(name, shape):
    forms = layer_pair(name, shape, torch.float32)
    assert difference(forms, maps(shape, dtype=torch.float32), fresh_mix(name, torch.float32)) <= 1e-3


@every_layer
def test_mixed_layers_have_second_derivatives(name):
    shape = SHAPES[0]
    assert difference(layer_pair(name, shape), maps(shape, 3), fresh_mix(name), second=True) <= 1e-9


def changes():
    """What may happen to a fused layer, as functions that give the layer back."""

    def loaded(layer):
        layer.load_state_dict({name: 0.5 * weight + 0.1 for name, weight in layer.state_dict().items()})
        return layer

    def assigned(layer):
        state = {name: nn.Parameter(0.5 * weight) for name, weight in layer.state_dict().items()}
        layer.load_state_dict(state, assign=True)
        return layer

    def stepped(layer):
        with torch.no_grad():
            for weight in layer.parameters():
                weight.add_(0.1)
        return layer

    return [copy.deepcopy, loaded, assigned, stepped, lambda layer: layer.float().double(), lambda layer: fuse(layer)]


@every_layer
@pytest.mark.parametrize("change", changes())
def test_forms_follow_their_parameters(name, change):
    shape, (plain, fast) = SHAPES[0], layer_pair(name, SHAPES[0])
    arguments = maps(shape), fresh_mix(name)
    fast(*arguments)
    before, changed = outcome(fast, arguments), change(fast)
    plain.load_state_dict(changed.state_dict())
    assert difference([plain, changed], *arguments) <= 1e-9
    if changed is not fast:
        with torch.no_grad():
            for weight in changed.parameters():
                weight.zero_()
        assert worst(outcome(fast, arguments), before) == 0.0
    assert type(unfuse(changed)) is type(plain)
    assert vars(changed).keys() == vars(plain).keys()


@every_layer
def test_forms_compute_with_given_weights(name):
    shape, forms = SHAPES[0], layer_pair(name, SHAPES[0])
    x, mix = maps(shape), fresh_mix(name)
    given = {key: (2.0 * weight).detach().requires_grad_() for key, weight in forms[0].named_parameters()}
    results = []
    for form in forms:
        y = torch.func.functional_call(form, given, (x, mix))
        results.append([y.detach(), *torch.autograd.grad(y.square().sin().sum(), list(given.values()))])
    assert worst(*results) <= 1e-9


@every_space
def test_every_module_is_seen_once(space):
    """Of stand-alone networks, of supernets and of their paths; also where they have been fused."""
    size, x = Size(4, 0, 5, 16, auxiliary=True), torch.randn(4, 3, 16, 16)
    archs = [space.sample(random.Random(seed)) for seed in range(3)]
    supernet = space.supernet(TINY)
    mix = [torch.rand(n) for n in supernet.shape]
    cases = [(space.build(arch, size), (x,)) for arch in archs]
    cases += [(supernet, (x, mix)), (supernet.inherit(archs[0]), (x,))]
    for network, arguments in cases:
        for form in (network, fuse(network)):
            seen = Counter()
            leaves = [
                part for part in form.modules() if not list(part.children()) and not isinstance(part, nn.ModuleList)
            ]
            hooks = [leaf.register_forward_hook(lambda part, *_, seen=seen: seen.update([part])) for leaf in leaves]
            form.train()(*arguments)
            for hook in hooks:
                hook.remove()
            assert seen == Counter(leaves)
