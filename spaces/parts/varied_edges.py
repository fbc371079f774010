"""Edges of a `CellSupernet` that some methods train instead of the space's own: with drop path, with part of the
channels, with dropout behind skip connections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.base import UserError
from spaces.parts.mixed_cells import MixedEdge
from spaces.parts.network import DropPath
from spaces.parts.operations import operation


class DropPathEdge(MixedEdge):
    """The result of the whole edge is dropped, image by image. `drop` is shared: its probability can be changed."""

    def __init__(self, names: Sequence[str], channels: int, stride: int, drop: DropPath):
        super().__init__(names, channels, stride)
        self.drop = drop

    def forward(self, x: Tensor, weights: Tensor, wanted: tuple[int, ...]) -> Tensor:
        return self.drop(super().forward(x, weights, wanted))


class PartialChannels:
    """The split of a map's channels in PC-DARTS (model_search.py). The first `1 / share` of them are for an operation.
    The others pass by: through 2x2 max pooling where the operation halves the map. Behind it all are shuffled in
    `share` groups."""

    share: int
    stride: int

    def split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The channels for the operation, and those that pass by at the size of its result."""
        first, others = x.tensor_split([x.shape[1] // self.share], 1)
        return first, others if self.stride == 1 else F.max_pool2d(others, 2, ceil_mode=True)

    def join(self, first: Tensor, others: Tensor) -> Tensor:
        """All channels, shuffled."""
        return F.channel_shuffle(torch.cat((first, others), 1), self.share)


class PartialOperation(PartialChannels, nn.Module):
    """An operation of a part of the channels."""

    def __init__(self, name: str, channels: int, stride: int, share: int):
        super().__init__()
        if channels % share:
            raise UserError(f"{channels} channels cannot be divided into {share} parts: choose another width or part")
        self.stride, self.share = stride, share
        self.operation = operation(name, channels // share, stride, search=True)

    def forward(self, x: Tensor) -> Tensor:
        first, others = self.split(x)
        return self.join(self.operation(first), others)


class PlainEdge(NamedTuple):
    """What a `PartialEdge` mixes behind its split."""

    candidates: dict[str, nn.Module]
    stride: int


class PartialEdge(PartialChannels, MixedEdge):
    """Candidates are `PartialOperation`s. What passes by is the same for all, so it is computed once, with the sum of
    their weights."""

    def __init__(self, names: Sequence[str], channels: int, stride: int, share: int):
        self.share = share
        super().__init__(names, channels, stride)

    def candidate(self, name: str) -> nn.Module:
        return PartialOperation(name, self.channels, self.stride, self.share)

    def plain(self) -> PlainEdge:
        """The operations without the split."""
        candidates: Any = self.candidates
        return PlainEdge({name: partial.operation for name, partial in candidates.items()}, self.stride)

    def forward(self, x: Tensor, weights: Tensor, wanted: tuple[int, ...]) -> Tensor:
        if not wanted:
            return super().forward(x, weights, wanted)
        operations = list(self.plain().candidates.values())
        first, others = self.split(x)
        mixed: Any = sum(weights[k] * operations[k](first) for k in wanted)
        return self.join(mixed, weights.sum() * others)


class Dropout:
    """Dropout of single elements. `rate` can be changed; 0 leaves the map as it is."""

    def __init__(self, rate: float, generator: torch.Generator):
        self.rate, self.generator = rate, generator

    def __call__(self, x: Tensor) -> Tensor:
        if not self.rate:
            return x
        draws = torch.rand(x.shape, generator=self.generator, device=self.generator.device).to(x.device)
        return x * (draws >= self.rate) / (1 - self.rate)


class DroppedSkip(nn.Module):
    """A skip connection with dropout."""

    def __init__(self, dropout: Dropout):
        super().__init__()
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(x)


class SkipDropoutEdge(MixedEdge):
    """Every skip connection that is an identity has dropout; those that halve the map have none (P-DARTS,
    model_search.py). `dropout` is shared."""

    def __init__(self, names: Sequence[str], channels: int, stride: int, dropout: Dropout):
        self.dropout = dropout
        super().__init__(names, channels, stride)

    def candidate(self, name: str) -> nn.Module:
        plain = super().candidate(name)
        return DroppedSkip(self.dropout) if isinstance(plain, nn.Identity) else plain
