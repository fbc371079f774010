"""The stack of cells also carries networks of another kind: NAS-Bench-201's (Dong and Yang, ICLR 2020), written here as
a space would, has the published number of parameters."""

import pytest
import torch
from torch import nn

from spaces.base import Size
from spaces.parts.network import Network
from spaces.parts.stack import CellStack, reductions

EDGES = ((1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2))


def conv(inputs, outputs, kernel, stride=1):
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(nn.ReLU(), convolution, nn.BatchNorm2d(outputs))


class Cell(nn.Module):
    """Four nodes; the operation of every edge is a 3x3 or a 1x1 convolution."""

    def __init__(self, channels, kernels):
        super().__init__()
        self.outputs = channels
        self.operations = nn.ModuleList(conv(channels, channels, kernel) for kernel in kernels)

    def forward(self, x):
        states = [x]
        for node in range(1, 4):
            into = [operation(states[source]) for operation, (to, source) in zip(self.operations, EDGES) if to == node]
            states.append(sum(into))
        return states[-1]


class Residual(nn.Module):
    """Between the stages."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.outputs = outputs
        self.branch = nn.Sequential(conv(inputs, outputs, 3, 2), conv(outputs, outputs, 3))
        self.shortcut = nn.Sequential(nn.AvgPool2d(2, 2), nn.Conv2d(inputs, outputs, 1, bias=False))

    def forward(self, x):
        return self.shortcut(x) + self.branch(x)


class Stages(CellStack, Network):
    """Three stages of N cells with a residual reduction between them."""

    def __init__(self, kernels, size, n):
        def build(shape):
            return Residual(shape.inputs[1], shape.channels) if shape.reduction else Cell(shape.channels, kernels)

        super().__init__(size, build, layout=(3 * n + 2, (n, 2 * n + 1)), stem=1)
        self.last = nn.Sequential(nn.BatchNorm2d(self.cells[-1].outputs), nn.ReLU())

    def step(self, i, before, last):
        return last, self.cells[i](last)

    def forward(self, x, drop=None):
        *_, last = self.maps(x)
        return self.logits(self.last(last)), None


def test_nas_bench_201_stands_on_the_stack():
    network = Stages((3,) * 6, Size(16, 17, 10, 32), n=5)
    assert sum(p.numel() for p in network.parameters()) == 1_531_546
    shapes = [tuple(last.shape[1:]) for last in network.maps(torch.zeros(2, 3, 32, 32))]
    assert shapes == [(16, 32, 32)] * 5 + [(32, 16, 16)] * 6 + [(64, 8, 8)] * 6
    assert network(torch.zeros(2, 3, 32, 32))[0].shape == (2, 10)


@pytest.mark.parametrize(("cells", "positions"), [(1, (0, 0)), (3, (1, 2)), (8, (2, 5)), (20, (6, 13))])
def test_reductions_are_those_of_the_public_code(cells, positions):
    assert reductions(cells) == positions
