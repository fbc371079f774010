"""NAS-Bench-201's network as published (D-X-Y/AutoDL-Projects, TinyNetwork), in plain torch, for golden values."""

import torch
from torch import nn


class Zero(nn.Module):
    def forward(self, x):
        return x * 0.0


class Block(nn.Module):
    """ReLU, convolution, batch normalisation."""

    def __init__(self, inputs, outputs, kernel, stride=1):
        super().__init__()
        conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.op = nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(outputs))

    def forward(self, x):
        return self.op(x)


OPERATIONS = {
    "none": lambda c: Zero(),
    "skip_connect": lambda c: nn.Identity(),
    "avg_pool_3x3": lambda c: nn.AvgPool2d(3, 1, 1, count_include_pad=False),
    "nor_conv_1x1": lambda c: Block(c, c, 1),
    "nor_conv_3x3": lambda c: Block(c, c, 3),
}


class Cell(nn.Module):
    def __init__(self, arch, channels):
        super().__init__()
        nodes = [[edge.split("~") for edge in node.strip("|").split("|")] for node in arch.split("+")]
        self.sources = [[int(source) for _, source in node] for node in nodes]
        self.layers = nn.ModuleList(OPERATIONS[op](channels) for node in nodes for op, _ in node)

    def forward(self, x):
        states, layers = [x], iter(self.layers)
        for sources in self.sources:
            states.append(sum(next(layers)(states[source]) for source in sources))
        return states[-1]


class Reduction(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv_a = Block(inputs, outputs, 3, 2)
        self.conv_b = Block(outputs, outputs, 3)
        self.downsample = nn.Sequential(nn.AvgPool2d(2, 2), nn.Conv2d(inputs, outputs, 1, bias=False))

    def forward(self, x):
        return self.downsample(x) + self.conv_b(self.conv_a(x))


class TinyNetwork(nn.Module):
    def __init__(self, arch, channels, cells, classes=10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))
        c = channels
        stages = [Cell(arch, c) for _ in range(cells)]
        for _ in range(2):
            stages += [Reduction(c, 2 * c), *(Cell(arch, 2 * c) for _ in range(cells))]
            c *= 2
        self.cells = nn.Sequential(*stages)
        self.lastact = nn.Sequential(nn.BatchNorm2d(c), nn.ReLU())
        self.classifier = nn.Linear(c, classes)

    def forward(self, x):
        return self.classifier(self.lastact(self.cells(self.stem(x))).mean((2, 3)))


def kaiming(network, seed=0):
    """zc.init_recipe: kaiming_normal_ for convolutions and linear layers in the order of the modules, biases 0."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network
