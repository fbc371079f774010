"""The evaluation network of a genotype as it is defined: edge by edge, operation by operation, in torch's own layers
and layout (quark0/darts, cnn/model.py). The fast form is compared with it, in its results and in its speed."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.base import Size
from spaces.parts.auxiliary import pool_to_2x2
from spaces.parts.cells import CellNetwork
from spaces.parts.genotype import Edge, Genotype
from spaces.parts.stack import reductions


def convolutions(channels: int, kernel: int, stride: int, dilation: int) -> list[nn.Module]:
    padding = dilation * (kernel // 2)
    return [
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    ]


class Reduce(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv_1 = nn.Conv2d(inputs, outputs // 2, 1, stride=2, bias=False)
        self.conv_2 = nn.Conv2d(inputs, outputs - outputs // 2, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x.relu(), (0, x.shape[3] % 2, 0, x.shape[2] % 2))
        return self.norm(torch.cat([self.conv_1(x), self.conv_2(x[:, :, 1:, 1:])], 1))


def relu_conv_norm(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.ReLU(), nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))


def operation(name: str, channels: int, stride: int) -> nn.Module:
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else Reduce(channels, channels)
    if name == "max_pool_3x3":
        return nn.MaxPool2d(3, stride, 1)
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(3, stride, 1, count_include_pad=False)
    kernel = int(name[-1])
    if name.startswith("dil_conv"):
        return nn.Sequential(*convolutions(channels, kernel, stride, 2))
    return nn.Sequential(*convolutions(channels, kernel, stride, 1), *convolutions(channels, kernel, 1, 1))


class Cell(nn.Module):
    def __init__(self, edges: tuple[Edge, ...], concat, inputs, channels: int, reduction: bool, halved: bool):
        super().__init__()
        self.edges, self.concat = edges, concat
        self.preprocess0 = (Reduce if halved else relu_conv_norm)(inputs[0], channels)
        self.preprocess1 = relu_conv_norm(inputs[1], channels)
        self.operations = nn.ModuleList(
            operation(name, channels, 2 if reduction and source < 2 else 1) for name, source in edges
        )
        loose = [state for state in concat if state < 2 and reduction]
        self.loose = nn.ModuleDict({str(state): Reduce(channels, channels) for state in loose})

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        states = [self.preprocess0(before), self.preprocess1(last)]
        outputs = [(apply, source) for apply, (_, source) in zip(self.operations, self.edges)]
        for (a, from_a), (b, from_b) in zip(outputs[::2], outputs[1::2]):
            states.append(a(states[from_a]) + b(states[from_b]))
        for state, reduce in self.loose.items():
            states[int(state)] = reduce(states[int(state)])
        return torch.cat([states[state] for state in self.concat], 1)


class NaiveCells(nn.Module):
    """x -> (logits, auxiliary logits or None), with a CIFAR stem, without drop path."""

    def __init__(self, genotype: Genotype, size: Size):
        super().__init__()
        channels, inputs, halved = size.channels, (3 * size.channels,) * 2, False
        stem = nn.Conv2d(size.inputs, 3 * size.channels, 3, padding=1, bias=False)
        self.stem, self.cells = nn.Sequential(stem, nn.BatchNorm2d(3 * size.channels)), nn.ModuleList()
        self.auxiliary, self.auxiliary_after = None, reductions(size.cells)[1]
        for i in range(size.cells):
            reduction = i in reductions(size.cells)
            channels *= 2 if reduction else 1
            edges = genotype.reduce if reduction else genotype.normal
            concat = genotype.reduce_concat if reduction else genotype.normal_concat
            self.cells.append(Cell(edges, concat, inputs, channels, reduction, halved))
            inputs, halved = (inputs[1], len(concat) * channels), reduction
            if size.auxiliary and i == self.auxiliary_after:
                self.auxiliary = Auxiliary(inputs[1], size.classes)
        self.classifier = nn.Linear(inputs[1], size.classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        before = last = self.stem(x)
        extra = None
        for i, cell in enumerate(self.cells):
            before, last = last, cell(before, last)
            if i == self.auxiliary_after and self.auxiliary is not None and self.training:
                extra = self.auxiliary(last)
        return self.classifier(last.mean((2, 3))), extra


class Auxiliary(nn.Module):
    def __init__(self, channels: int, classes: int):
        super().__init__()
        self.features = nn.Sequential(
            *(nn.Conv2d(channels, 128, 1, bias=False), nn.BatchNorm2d(128), nn.ReLU()),
            *(nn.Conv2d(128, 768, 2, bias=False), nn.BatchNorm2d(768), nn.ReLU(), nn.Flatten()),
        )
        self.classifier = nn.Linear(768, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(pool_to_2x2(x.relu())))


def naive(network: CellNetwork, genotype: Genotype, size: Size) -> NaiveCells:
    """The naive form with a copy of a network's weights."""
    result = NaiveCells(genotype, size).to(next(network.parameters()))
    with torch.no_grad():
        for mine, its in zip(result.parameters(), network.parameters(), strict=True):
            mine.copy_(its.view_as(mine))
    return result
