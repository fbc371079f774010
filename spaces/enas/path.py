"""One architecture of the ENAS supernet as a plain network, operation by operation."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from spaces.base import Arch, Size
from spaces.enas.choices import FIRST_READER, OPERATIONS, loose_ends
from spaces.enas.search_stack import SearchLayer, SearchStack
from spaces.enas.shared_layer import SharedLayer, SharedSepConv
from spaces.parts.convolutions import Pointwise
from spaces.parts.network import use_batch_statistics
from spaces.parts.operations import Concat, operation
from spaces.parts.stack import CellShape


class PathLayer(SearchLayer):
    """A layer with one operation per side and a 1x1 convolution over its loose ends. `cell`: the layer's half of an
    architecture."""

    def __init__(self, shape: CellShape, cell: Arch):
        super().__init__(shape)
        channels = shape.channels
        self.sources, self.names = cell[::2], [OPERATIONS[o] for o in cell[1::2]]
        self.operations = nn.ModuleList(operation(name, channels, 1) for name in self.names)
        self.ends = loose_ends(tuple(zip(self.names, self.sources)))
        self.join = Concat()
        self.combine = nn.Sequential(
            nn.ReLU(), Pointwise(len(self.ends) * channels, channels), nn.BatchNorm2d(channels)
        )

    def forward(self, before: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        """The two maps that the next layer takes."""
        last, states = self.read(before, last)
        sides = list(zip(self.operations, self.sources))
        for (x, x_source), (y, y_source) in zip(sides[::2], sides[1::2]):
            states.append(x(states[x_source]) + y(states[y_source]))
        return last, self.combine(self.join(*(states[i] for i in self.ends)))

    @torch.no_grad()
    def copy_weights(self, layer: SharedLayer) -> None:
        """Takes over the weights with which a layer of the supernet computes this architecture."""
        for name in ("reduce", "calibrate0", "calibrate1"):
            if getattr(self, name) is not None:
                getattr(self, name).load_state_dict(getattr(layer, name).state_dict())
        for module, name, first, source in zip(self.operations, self.names, FIRST_READER, self.sources):
            shared = layer.operations[name]
            banks = (shared.first, shared.second) if isinstance(shared, SharedSepConv) else ()
            weights = [weight[first + source] for bank in banks for weight in bank.parameters()]
            for mine, its in zip(module.parameters(), weights, strict=True):
                mine.copy_(its.view_as(mine))
        matrices = torch.cat([layer.combine.matrices[i] for i in self.ends], 1)
        weights = [matrices[:, :, None, None], *layer.combine.norm.parameters()]
        for mine, its in zip(self.combine.parameters(), weights, strict=True):
            mine.copy_(its)


class EnasPath(SearchStack):
    """x: (images, inputs, image, image) -> logits (images, classes)."""

    def __init__(self, arch: Arch, size: Size, macro: str):
        half = len(arch) // 2
        super().__init__(size, macro, lambda shape: PathLayer(shape, arch[half:] if shape.reduction else arch[:half]))
        use_batch_statistics(self)

    def forward(self, x: Tensor) -> Tensor:
        *_, last = self.maps(x)
        return self.logits(last)

    def copy_weights(self, supernet: SearchStack) -> None:
        """Takes over the weights of a supernet of the same size and macro."""
        for name in ("stem", "stem2", "classifier"):
            if getattr(self, name) is not None:
                getattr(self, name).load_state_dict(getattr(supernet, name).state_dict())
        for mine, its in zip(self.cells, supernet.cells):
            cast(PathLayer, mine).copy_weights(cast(SharedLayer, its))
