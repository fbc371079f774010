"""The stand-alone network of ENAS' authors (melodyguan/enas, src/cifar10/micro_child.py), for their published sizes.

It differs from `spaces.parts.cells` in what surrounds the cells: inputs are convolved only where their size does not
fit, the last cell's output then passes a 1x1 convolution of its own, strided identities and loose ends are reduced
without a ReLU, and classifiers have no bias.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from spaces.base import Size, UserError
from spaces.enas.choices import layout
from spaces.parts.auxiliary import pool_to_2x2
from spaces.parts.cells import StackedNetwork
from spaces.parts.convolutions import Pointwise
from spaces.parts.genotype import Edge, Genotype
from spaces.parts.network import DropPath
from spaces.parts.operations import Concat, FactorizedReduce, ReluConvBn, operation
from spaces.parts.stack import CellShape


class BareReduce(FactorizedReduce):
    """A factorized reduction without its ReLU."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__(inputs, outputs)
        self.relu = nn.Identity()


class Layer(nn.Module):
    """One cell, from its calibrated inputs to the concatenation of its loose ends."""

    def __init__(self, edges: tuple[Edge, ...], concat: tuple[int, ...], shape: CellShape):
        super().__init__()
        channels = shape.channels
        self.sources = [source for _, source in edges]
        self.concat, self.outputs = concat, len(concat) * channels
        self.calibrate0 = (
            FactorizedReduce(shape.inputs[0], channels) if shape.halved else fit(shape.inputs[0], channels)
        )
        self.calibrate1 = fit(shape.inputs[1], channels)
        self.base = ReluConvBn(channels, channels)
        self.operations = nn.ModuleList()
        for name, source in edges:
            stride = 2 if shape.reduction and source < 2 else 1
            bare = name == "skip_connect" and stride == 2
            self.operations.append(BareReduce(channels, channels) if bare else operation(name, channels, stride))
        loose = [state for state in concat if state < 2 and shape.reduction]
        self.loose = nn.ModuleDict({str(state): BareReduce(channels, channels) for state in loose})
        self.join = Concat()

    def forward(self, before: Tensor, last: Tensor, drop: DropPath | None) -> Tensor:
        states = [self.calibrate0(before), self.base(self.calibrate1(last))]
        for i in range(0, len(self.operations), 2):
            states.append(self._side(i, states, drop) + self._side(i + 1, states, drop))
        for state, reduce in self.loose.items():
            states[int(state)] = reduce(states[int(state)])
        return self.join(*(states[state] for state in self.concat))

    def _side(self, i: int, states: list[Tensor], drop: DropPath | None) -> Tensor:
        apply = self.operations[i]
        y = apply(states[self.sources[i]])
        return y if drop is None or isinstance(apply, nn.Identity | BareReduce) else drop(y)


def fit(inputs: int, channels: int) -> nn.Module:
    """What changes the number of channels, where that is necessary."""
    return nn.Identity() if inputs == channels else ReluConvBn(inputs, channels)


class AuxiliaryHead(nn.Module):
    """The authors' auxiliary classifier: a padded second convolution, then global pooling, no bias.

    Average pooling reduces the published 8x8 maps to 2x2, and other maps too (see `pool_to_2x2`).
    """

    def __init__(self, channels: int, classes: int):
        super().__init__()
        self.relu = nn.ReLU()
        self.project = nn.Sequential(Pointwise(channels, 128), nn.BatchNorm2d(128), nn.ReLU())
        convolution = [nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(128, 768, 2, bias=False)]
        self.features = nn.Sequential(*convolution, nn.BatchNorm2d(768), nn.ReLU())
        self.classifier = nn.Linear(768, classes, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(images, channels, height, width) -> (images, classes)."""
        x = self.features(self.project(pool_to_2x2(self.relu(x))))
        return self.classifier(x.mean((2, 3)))


class EnasNetwork(StackedNetwork):
    """Stem, `size.cells` + 2 layers, ReLU, global pooling, linear classifier."""

    def __init__(self, genotype: Genotype, size: Size):
        if size.stem != "cifar":
            raise UserError(f"space enas: macro 'enas' has no stem '{size.stem}'; use macro 'darts' for large images")

        def layer(shape: CellShape) -> Layer:
            if shape.reduction:
                return Layer(genotype.reduce, genotype.reduce_concat, shape)
            return Layer(genotype.normal, genotype.normal_concat, shape)

        super().__init__(size, layer, layout=layout("enas", size.cells), bias=False)
        self.relu = nn.ReLU()
        self.auxiliary_after = self.reductions[1] + 1
        if size.auxiliary:
            read = cast(Layer, self.cells[self.auxiliary_after])
            self.auxiliary = AuxiliaryHead(read.outputs, size.classes)

    def logits(self, last: Tensor) -> Tensor:
        return super().logits(self.relu(last))
