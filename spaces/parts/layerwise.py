"""What the layer-wise spaces share: a fixed macro-structure in which every layer chooses its own block."""

from __future__ import annotations

import difflib
import json
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from spaces.base import Arch, Size, Space, UserError

if TYPE_CHECKING:
    from torch import nn

    from spaces.parts.blocks import LayerwiseNetwork

Design = tuple[str, ...]
"""The name of the block at each searchable layer."""

Stages = Sequence[tuple[int, int, int]]
"""(published width, layers, stride of the first layer) of each stage, the stem first."""

PUBLISHED_CHANNELS = 16  # width of the first stage behind the stem in both published networks


@dataclass(frozen=True)
class Place:
    """One layer of the macro-structure: its widths, its stride, and the side of its input map in pixels."""

    inputs: int
    outputs: int
    stride: int
    image: int

    @property
    def residual(self) -> bool:
        return self.stride == 1 and self.inputs == self.outputs


def scaled(width: int, channels: int) -> int:
    """A published width at `channels`: in proportion, to the nearest multiple of 4, at least 4; exact at 16."""
    return max(4, (width * channels + 2 * PUBLISHED_CHANNELS) // (4 * PUBLISHED_CHANNELS) * 4)


def places(stages: Stages, size: Size) -> list[Place]:
    """The layers at a size. Strides of 2 are dropped, the earliest first, while images below 64 pixels have more than
    three or the last map would be below 2x2: 224 pixels keep all five (7x7), 32 three (4x4), 16 three (2x2), 8 two."""
    strides = sum(stride == 2 for _, _, stride in stages)
    most = strides if size.image >= 64 else min(strides, 3)
    kept = max((n for n in range(most + 1) if -(-size.image // 2**n) >= 2), default=0)
    surplus, result, inputs, image = strides - kept, [], size.inputs, size.image
    for width, layers, stride in stages:
        if stride == 2 and surplus:
            stride, surplus = 1, surplus - 1
        for layer in range(layers):
            result.append(Place(inputs, scaled(width, size.channels), stride if layer == 0 else 1, image))
            inputs, image = result[-1].outputs, -(-image // result[-1].stride)
    return result


class Layerwise(Space):
    """A space of one decision a layer. Texts are lists of block names, `k3_e3,skip,…` or a JSON list."""

    options: tuple[str, ...]
    """Block names. A layer with n choices has the first n."""

    @abstractmethod
    def places(self, size: Size) -> list[Place]:
        """The searchable layers."""

    @abstractmethod
    def block(self, option: str, place: Place) -> nn.Module:
        """One option of a layer, with fresh weights: module(x, drop=None) or module(x)."""

    @abstractmethod
    def ends(self, design: Design, size: Size) -> tuple[nn.Module, nn.Module]:
        """What is fixed: from the image to the first searchable layer, and from the last one to the logits."""

    def decode(self, arch: Arch) -> Design:
        if not self.valid(arch):
            raise UserError(
                f"architecture {arch}: {type(self).__name__} takes one option a layer, below {self.choices}"
            )
        return tuple(self.options[option] for option in arch)

    def encode(self, design: Design) -> Arch:
        if len(design) != len(self.choices):
            raise UserError(f"{len(design)} blocks given: {type(self).__name__} has {len(self.choices)} layers")
        for layer, (name, options) in enumerate(zip(design, self.choices)):
            if name not in self.options:
                near = difflib.get_close_matches(name, self.options, 3, 0.4) or self.options
                raise UserError(f"layer {layer + 1}: unknown block {name!r}; did you mean {', '.join(near)}?")
            if name not in self.options[:options]:
                allowed = ", ".join(self.options[:options])
                raise UserError(
                    f"layer {layer + 1}: {name!r} is not allowed where a stage begins; use one of {allowed}"
                )
        return tuple(self.options.index(name) for name in design)

    def write(self, design: Design) -> str:
        return ",".join(design)

    def read(self, text: str) -> Design:
        names = text.split(",")
        if text.lstrip().startswith("["):
            try:
                names = json.loads(text)
            except json.JSONDecodeError as error:
                raise UserError(f'block list: {error.msg} at character {error.pos + 1}; expected ["…", …]') from None
            except RecursionError:
                raise UserError('block list: brackets within brackets; expected ["…", …]') from None
        for layer, name in enumerate(names):
            if not isinstance(name, str) or not name.strip():
                raise UserError(f"layer {layer + 1}: {name!r} is no block name; use one of {', '.join(self.options)}")
        design = tuple(name.strip() for name in names)
        self.encode(design)
        return design

    def network(self, design: Design, size: Size) -> LayerwiseNetwork:
        from spaces.parts.blocks import LayerwiseNetwork

        self.encode(design)
        blocks = [self.block(name, place) for name, place in zip(design, self.places(size))]
        return LayerwiseNetwork(*self.ends(design, size), blocks, self.places(size), size)

    def layers(self, size: Size) -> list[tuple[list[nn.Module], tuple[int, int, int, int]]]:
        """Every option of every layer as a module, with the shape of its input for one image: to be timed."""
        return [self._layer(place, options) for place, options in zip(self.places(size), self.choices)]

    def _layer(self, place: Place, options: int) -> tuple[list[nn.Module], tuple[int, int, int, int]]:
        blocks = [self.block(name, place) for name in self.options[:options]]
        return blocks, (1, place.inputs, place.image, place.image)

    def costs(self, size: Size, metric: str) -> tuple[float, list[list[float]]]:
        import torch

        from spaces.parts.blocks import count

        size, rows = replace(size, auxiliary=False), {}
        with torch.device("meta"):
            for layer in zip(self.places(size), self.choices):
                if layer not in rows:
                    blocks, shape = self._layer(*layer)
                    rows[layer] = [count(block, shape[-1], metric) for block in blocks]
            table = [list(rows[layer]) for layer in zip(self.places(size), self.choices)]
            first = self.network(tuple(self.options[0] for _ in self.choices), size)
            whole = count(first, size.image, metric)
        return whole - sum(row[0] for row in table), table
