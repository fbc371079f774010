"""The fast forms of the shared layers and operations equal their definitions: results, gradients, second derivatives
and running averages, in any memory layout, also with odd maps and strides."""

import copy

import pytest
import torch
from torch import nn

from spaces.parts.convolutions import Depthwise, Pointwise
from spaces.parts.cpu.channelwise import compute_fused
from spaces.parts.cpu.fuse import FORMS, fuse
from spaces.parts.cpu.kernels import usable
from spaces.parts.operations import BUILDERS, Concat, FactorizedReduce, ReluConvBn, operation

LAYOUTS = {
    "torch's": lambda x: x.contiguous(),
    "channels_last": lambda x: x.contiguous(memory_format=torch.channels_last),
    "channel by channel": lambda x: x.transpose(0, 1).contiguous().transpose(0, 1),
}
CHANNELS = 6

pytestmark = pytest.mark.skipif(not usable(torch.zeros(1)), reason="no kernels here")


class Doubled(nn.Module):
    """Concatenates its input and twice its input."""

    def __init__(self):
        super().__init__()
        self.join = Concat()

    def forward(self, x):
        return self.join(x, 2 * x)


NAMES = [name for name in BUILDERS if name != "noise"]
"""Noise computes nothing from its input, and is known only where a test has imported its space."""


def cases():
    for name in NAMES:
        for stride in (1, 2):
            for search in (False, True):
                yield f"{name} {stride} {'search' if search else ''}", operation(name, CHANNELS, stride, search)
    yield "preprocess", ReluConvBn(CHANNELS, 7)
    yield "reduce", FactorizedReduce(CHANNELS, 7)
    yield "norm", nn.Sequential(nn.BatchNorm2d(CHANNELS))
    yield "unusual norm", nn.Sequential(nn.BatchNorm2d(CHANNELS, eps=1e-3, affine=False))
    yield "concat", Doubled()


CASES = dict(cases())


def outcome(layer, x, second):
    """The result, the gradients and, if `second`, their derivatives along random directions, with the layer's
    buffers."""
    layer, x = copy.deepcopy(layer), x.detach().requires_grad_()
    generator = torch.Generator().manual_seed(1)
    y = layer(x)
    loss = (y * torch.randn(y.shape, generator=generator, dtype=y.dtype)).sum()
    inputs = [x, *layer.parameters()]
    once = torch.autograd.grad(loss, inputs, retain_graph=second, allow_unused=True)
    if not second:
        return [y, *once, *layer.buffers()]
    gradients = torch.autograd.grad(loss, inputs, create_graph=True, allow_unused=True)
    along = sum((g * torch.randn(g.shape, generator=generator, dtype=g.dtype)).sum() for g in gradients)
    twice = torch.autograd.grad(along, inputs, allow_unused=True) if along.requires_grad else []
    return [y, *once, *gradients, *twice, *layer.buffers()]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", CASES)
def test_equals_the_definition(name, training, layout):
    definition = copy.deepcopy(CASES[name]).double().train(training)
    generator = torch.Generator().manual_seed(0)
    for p in definition.parameters():
        p.data = torch.randn(p.shape, generator=generator, dtype=torch.float64)
    fast = fuse(copy.deepcopy(definition))
    for side in (1, 2, 3, 7, 8):
        x = LAYOUTS[layout](torch.randn(5, CHANNELS, side, side, generator=generator, dtype=torch.float64))
        second = side == 3  # torch's second derivatives of depthwise convolutions are slow
        for mine, its in zip(outcome(fast, x, second), outcome(definition, x, second), strict=True):
            assert (mine is None) == (its is None)
            if mine is not None:
                torch.testing.assert_close(mine, its, rtol=1e-9, atol=1e-9)
        with torch.no_grad():
            torch.testing.assert_close(fast(x), definition(x), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_state_keeps_its_names(name):
    before = {key: value.shape for key, value in CASES[name].state_dict().items()}
    fast = fuse(copy.deepcopy(CASES[name]))
    assert {key: value.shape for key, value in fast.state_dict().items()} == before


def test_every_operation_except_none_has_a_fused_part():
    def fused(module):
        return any(type(part) in FORMS.values() for part in fuse(copy.deepcopy(module)).modules())

    assert [name for name in NAMES if not fused(operation(name, 4, 2, search=True))] == ["none"]


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("outputs", "groups"), [(4, 1), (4, 2), (8, 1)])
def test_groups_strides_and_biases_of_units(stride, outputs, groups):
    """What the layer-wise spaces take beside the operations of cells."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(5, CHANNELS, 7, 7, generator=generator, dtype=torch.float64)
    pointwise = Pointwise(CHANNELS, outputs, stride, groups, bias=True), nn.BatchNorm2d(outputs)
    depthwise = Depthwise(CHANNELS, 5, stride, bias=True), nn.BatchNorm2d(CHANNELS)
    for layers in (pointwise, depthwise):
        unit = nn.Sequential(*layers).double()
        for mode in (True, False):
            unit.train(mode)
            torch.testing.assert_close(compute_fused(x, *copy.deepcopy(unit)), unit(x), rtol=1e-9, atol=1e-9)
