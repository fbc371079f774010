"""The fast layers give torch's own results, forwards and backwards, in any memory layout, odd maps and strides
included."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from spaces import _channelwise as fast

LAYOUTS = {
    "torch's": lambda x: x.contiguous(),
    "channels_last": lambda x: x.contiguous(memory_format=torch.channels_last),
    "channel by channel": lambda x: x.transpose(0, 1).contiguous().transpose(0, 1),
}


def pairs():
    """(name, fast layer, torch's own function of (layer, x))."""
    for kernel in (3, 5, 7):
        for stride in (1, 2):
            for dilation in (1, 2):
                layer = fast.Depthwise(6, kernel, stride, dilation, bias=True)
                padding = dilation * (kernel // 2)
                yield (
                    f"depthwise {kernel} {stride} {dilation}",
                    layer,
                    lambda m, x, s=stride, p=padding, d=dilation: F.conv2d(x, m.weight, m.bias, s, p, d, 6),
                )
    for stride in (1, 2):
        for groups in (1, 2):
            layer = fast.Pointwise(6, 4, stride, groups, bias=True)
            own = lambda m, x, s=stride, g=groups: F.conv2d(x, m.weight, m.bias, s, groups=g)  # noqa: E731
            yield f"pointwise {stride} {groups}", layer, own
    yield "norm", fast.BatchNorm(6), lambda m, x: F.batch_norm(x, None, None, m.weight, m.bias, True)
    for stride in (1, 2):
        yield f"max {stride}", fast.MaxPool(3, stride, 1), lambda m, x, s=stride: F.max_pool2d(x, 3, s, 1)
        yield (
            f"average {stride}",
            fast.AvgPool(3, stride, 1, count_include_pad=False),
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
        y = fast.concatenate([x, 2 * x]) if name == "concatenate" else layer(x)
        expected = own(layer, x)
        torch.testing.assert_close(y, expected, rtol=1e-10, atol=1e-10)
        weights = torch.randn(expected.shape, generator=generator, dtype=torch.float64)
        inputs = [x, *layer.parameters()]
        gradients = torch.autograd.grad((y * weights).sum(), inputs, create_graph=True)
        for mine, theirs in zip(gradients, torch.autograd.grad((expected * weights).sum(), inputs)):
            torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9)


def test_batch_norm_keeps_running_statistics_as_torch_does():
    x = torch.randn(8, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    mine, own = fast.BatchNorm(3), nn.BatchNorm2d(3)
    torch.testing.assert_close(mine(x), own(x))
    for name, value in own.state_dict().items():
        torch.testing.assert_close(mine.state_dict()[name], value)
    torch.testing.assert_close(mine.eval()(x), own.eval()(x))


def test_counting_sees_convolutions():
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        fast.Depthwise(6, 5)(torch.zeros(1, 6, 4, 4))
    assert counter.get_total_flops() // 2 == 6 * 25 * 16
