"""What every network of stacked cells shares, stand-alone or supernet: stem, cells, global pooling, classifier."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from spaces.base import Size

Layout = tuple[int, tuple[int, int]]
"""(number of cells, positions of the two reductions)"""


@dataclass(frozen=True)
class CellShape:
    """Where a cell stands. `inputs`: channels of the cell before the last and of the last one; `halved`: whether the
    last cell halved the map, so that the two differ in size. A reduction halves the map and doubles the channels."""

    inputs: tuple[int, int]
    channels: int
    reduction: bool
    halved: bool


def reductions(cells: int) -> tuple[int, int]:
    """Positions of the two cells that halve the map and double the channels. In networks of one cell both are 0."""
    return cells // 3, 2 * cells // 3


def cifar_stem(inputs: int, channels: int, search: bool = False) -> nn.Sequential:
    """One 3x3 convolution to `channels`. Its batch normalisation has a scale and a shift in the search form too."""
    return nn.Sequential(
        nn.Conv2d(inputs, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels, track_running_stats=not search),
    )


def imagenet_stems(inputs: int, channels: int, search: bool = False) -> tuple[nn.Sequential, nn.Sequential]:
    """Three convolutions of stride 2: the first stem ends at a quarter of the image's side, the second at an eighth."""

    def conv(a: int, b: int) -> list[nn.Module]:
        return [nn.Conv2d(a, b, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(b, track_running_stats=not search)]

    first = nn.Sequential(*conv(inputs, channels // 2), nn.ReLU(), *conv(channels // 2, channels))
    return first, nn.Sequential(nn.ReLU(), *conv(channels, channels))


class CellStack(nn.Module):
    """Stem, cells, global average pooling, linear classifier. With the stem for large images the first cell reads both
    halves of the stem.

    A cell is a module with an attribute `outputs`, the channels of its result. Subclasses derive from `Network` or
    `Supernet` too, call `maps` in their `forward`, and may say in `step` how a cell is called.
    """

    def __init__(
        self,
        size: Size,
        build: Callable[[CellShape], Any],
        search: bool = False,
        layout: Layout | None = None,
        stem: int = 3,
        bias: bool = True,
    ):
        """build: makes the cell for a shape. search: whether normalisations use the statistics of the batch. stem: the
        channels of the stem for small images, as a multiple of `size.channels`. bias: whether the classifier has
        one."""
        super().__init__()
        count, self.reductions = layout or (size.cells, reductions(size.cells))
        large, channels = size.stem == "imagenet", size.channels
        width = channels if large else stem * channels
        self.stem: nn.Module
        self.stem2: nn.Module | None
        if large:
            self.stem, self.stem2 = imagenet_stems(size.inputs, width, search)
        else:
            self.stem, self.stem2 = cifar_stem(size.inputs, width, search), None
        inputs, halved = (width, width), large
        self.cells = nn.ModuleList()
        for i in range(count):
            reduction = i in self.reductions
            channels *= 2 if reduction else 1
            cell = build(CellShape(inputs, channels, reduction, halved))
            self.cells.append(cell)
            inputs, halved = (inputs[1], cell.outputs), reduction
        self.classifier = nn.Linear(inputs[1], size.classes, bias)

    def maps(self, x: Tensor, *given: Any) -> Iterator[Tensor]:
        """The result of each cell in turn, for images x; `given` is passed on to `step`."""
        before = self.stem(x)
        last = before if self.stem2 is None else self.stem2(before)
        for i in range(len(self.cells)):
            before, last = self.step(i, before, last, *given)
            yield last

    def step(self, i: int, before: Tensor, last: Tensor, *given: Any) -> tuple[Tensor, Tensor]:
        """The two maps that the cell behind cell i reads."""
        return last, self.cells[i](before, last, *given)

    def logits(self, last: Tensor) -> Tensor:
        """(images, classes), from the result of the last cell."""
        return self.classifier(last.mean((2, 3)))
