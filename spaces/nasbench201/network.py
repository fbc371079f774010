"""The networks of NAS-Bench-201 (AutoDL-Projects, xautodl/models/cell_infers/tiny_network.py): stem, three stages of
equal cells with a residual block in front of the second and the third, global pooling, classifier. State names are the
public ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor, nn

from spaces.base import Size
from spaces.nasbench201.layout import KERNELS, stages
from spaces.nasbench201.notation import Design
from spaces.parts.auxiliary import AuxiliaryHead
from spaces.parts.network import DropPath, Network
from spaces.parts.operations import Zero
from spaces.parts.stack import cifar_stem, imagenet_stems


class ReluConvBn(nn.Module):
    """ReLU, a convolution, batch normalisation."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, affine: bool = True):
        super().__init__()
        self.op = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(outputs, affine=affine),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.op(x)


def operation(name: str, channels: int, affine: bool = True) -> nn.Module:
    """One operation of a cell: (images, channels, height, width) to the same shape."""
    if name in KERNELS:
        return ReluConvBn(channels, channels, KERNELS[name], affine=affine)
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return nn.Identity() if name == "skip_connect" else Zero(1)


class Cell(nn.Module):
    """Nodes that add the results of their edges; the last one is the output."""

    def __init__(self, design: Design, channels: int):
        super().__init__()
        self.edges = [(node, source) for node, edges in enumerate(design, 1) for _, source in edges]
        self.layers = nn.ModuleList(operation(name, channels) for edges in design for name, _ in edges)

    def forward(self, x: Tensor, drop: DropPath | None = None) -> Tensor:
        nodes = [x]
        for number in range(1, self.edges[-1][0] + 1):
            into = [(layer, source) for layer, (node, source) in zip(self.layers, self.edges) if node == number]
            results = [_dropped(layer(nodes[source]), layer, drop) for layer, source in into]
            nodes.append(sum(results[1:], start=results[0]))
        return nodes[-1]


def _dropped(y: Tensor, layer: nn.Module, drop: DropPath | None) -> Tensor:
    return y if drop is None or isinstance(layer, nn.Identity) else drop(y)


class Reduction(nn.Module):
    """A residual block that halves the map, rounding up, and doubles the channels."""

    def __init__(self, inputs: int):
        super().__init__()
        self.conv_a = ReluConvBn(inputs, 2 * inputs, 3, stride=2)
        self.conv_b = ReluConvBn(2 * inputs, 2 * inputs, 3)
        self.downsample = nn.Sequential(
            nn.AvgPool2d(2, stride=2, ceil_mode=True), nn.Conv2d(inputs, 2 * inputs, 1, bias=False)
        )

    def forward(self, x: Tensor, *given: Any) -> Tensor:
        return self.downsample(x) + self.conv_b(self.conv_a(x))


class Nasbench201Stack(nn.Module):
    """What stand-alone networks and supernets share. Subclasses derive from `Network` or `Supernet` too.

    `build` makes the cell for a number of channels; `reductions` are the places of the residual blocks in `cells`."""

    def __init__(self, size: Size, build: Callable[[int], nn.Module]):
        super().__init__()
        channels, self.reductions = size.channels, list[int]()
        self.stem: nn.Module
        if size.stem == "imagenet":
            self.stem = nn.Sequential(*imagenet_stems(size.inputs, channels))
        else:
            self.stem = cifar_stem(size.inputs, channels)
        self.cells = nn.ModuleList()
        for stage, count in enumerate(stages(size.cells)):
            if stage:
                self.reductions.append(len(self.cells))
                self.cells.append(Reduction(channels))
                channels *= 2
            self.cells.extend(build(channels) for _ in range(count))
        self.lastact = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU())
        self.classifier = nn.Linear(channels, size.classes)

    def maps(self, x: Tensor, *given: Any) -> Iterator[Tensor]:
        """The result of each member of `cells` in turn, for images x; `given` is passed on to the cells."""
        x = self.stem(x)
        for cell in self.cells:
            x = cell(x, *given)
            yield x

    def logits(self, last: Tensor) -> Tensor:
        """(images, classes), from the result of the last cell."""
        return self.classifier(self.lastact(last).mean((2, 3)))


class Nasbench201Network(Nasbench201Stack, Network):
    """A stand-alone network. The benchmark has no auxiliary head; where `size` asks for one it reads the result of the
    second residual block, as in the other spaces of cells."""

    def __init__(self, design: Design, size: Size):
        super().__init__(size, lambda channels: Cell(design, channels))
        if size.auxiliary:
            self.auxiliary = AuxiliaryHead(self.classifier.in_features, size.classes, size.stem == "imagenet")

    def forward(self, x: Tensor, drop: DropPath | None = None) -> tuple[Tensor, Tensor | None]:
        extra = None
        for i, last in enumerate(self.maps(x, drop)):
            if i == self.reductions[1] and self.auxiliary is not None and self.training:
                extra = self.auxiliary(last)
        return self.logits(last), extra
