"""The fast layers give torch's results and gradients in any memory layout, also with odd maps and strides."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from spaces.parts.cpu import channelwise as fast
from spaces.parts.cpu.pooling import AvgPool, MaxPool
from spaces.parts.cpu.rearrange import concatenate

LAYOUTS = {
    "torch's": lambda x: x.contiguous(),
    "channels_last": lambda x: x.contiguous(memory_format=torch.channels_last),
    "channel by channel": lambda x: x.transpose(0, 1).contiguous().transpose(0, 1),
}


def plain(unit, x):
    """The layers of a unit by torch's own functions, one after another."""
    for layer in unit:
        if isinstance(layer, nn.Conv2d):
            options = layer.stride, layer.padding, layer.dilation, layer.groups
            x = F.conv2d(x, layer.weight, layer.bias, *options)
        elif isinstance(layer, nn.BatchNorm2d):
            x = F.batch_norm(x, None, None, layer.weight, layer.bias, True)
        else:
            x = layer(x)
    return x


def pairs():
    """(name, fast layer, the same by torch as a function of (layer, x))."""
    for kernel in (3, 5, 7):
        for stride in (1, 2):
            for dilation in (1, 2):
                parts = fast.Depthwise(6, kernel, stride, dilation), fast.Pointwise(6, 7), fast.BatchNorm(7)
                yield f"separable {kernel} {stride} {dilation}", fast.Unit(nn.ReLU(), *parts), plain
        yield f"depthwise {kernel}", fast.Unit(fast.Depthwise(6, kernel), fast.BatchNorm(6)), plain
    for stride in (1, 2):
        for outputs, groups in ((4, 1), (4, 2), (8, 1)):
            parts = fast.Pointwise(6, outputs, stride, groups), fast.BatchNorm(outputs, affine=groups == 1)
            yield f"pointwise {stride} {outputs} {groups}", fast.Unit(*parts), plain
    yield "norm", fast.BatchNorm(6), lambda m, x: F.batch_norm(x, None, None, m.weight, m.bias, True)
    for stride in (1, 2):
        yield f"max {stride}", MaxPool(3, stride, 1), lambda m, x, s=stride: F.max_pool2d(x, 3, s, 1)
        yield (
            f"average {stride}",
            AvgPool(3, stride, 1, count_include_pad=False),
            lambda m, x, s=stride: F.avg_pool2d(x, 3, s, 1, count_include_pad=False),
        )
    yield "concatenate", nn.Identity(), lambda m, x: torch.cat([x, 2 * x], 1)


CASES = {name: (layer, own) for name, layer, own in pairs()}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", CASES)
def test_equals_torch(name, layout):
    layer, own = CASES[name]
    layer.double()
    generator = torch.Generator().manual_seed(0)
    for p in layer.parameters():
        p.data = torch.randn(p.shape, generator=generator, dtype=torch.float64)
    for side in (1, 2, 3, 4, 7, 8, 10):
        x = LAYOUTS[layout](torch.randn(5, 6, side, side, generator=generator, dtype=torch.float64)).requires_grad_()
        y = concatenate([x, 2 * x]) if name == "concatenate" else layer(x)
        expected = own(layer, x)
        torch.testing.assert_close(y, expected, rtol=1e-10, atol=1e-10)
        weights = torch.randn(expected.shape, generator=generator, dtype=torch.float64)
        inputs = [x, *layer.parameters()]
        gradients = torch.autograd.grad((y * weights).sum(), inputs, create_graph=True)
        once = torch.autograd.grad((layer(x) * weights).sum(), inputs) if name != "concatenate" else gradients
        for mine, theirs in zip(once, gradients):
            torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9)
        for mine, theirs in zip(gradients, torch.autograd.grad((expected * weights).sum(), inputs)):
            torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9)


def test_batch_norm_keeps_running_statistics_as_torch_does():
    x = torch.randn(8, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    mine, own = fast.BatchNorm(3), nn.BatchNorm2d(3)
    torch.testing.assert_close(mine(x), own(x))
    torch.testing.assert_close(mine.running_mean, own.running_mean)
    torch.testing.assert_close(mine.running_var, own.running_var)
    torch.testing.assert_close(mine.eval()(x), own.eval()(x))
    with torch.no_grad():
        torch.testing.assert_close(mine(x), own(x))
