"""What the layer-wise spaces share: a fixed macro-structure in which every layer chooses its own block."""

from __future__ import annotations

import difflib
import json
from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from spaces.base import Arch, Size, Space, UserError
from spaces.parts.layer_shapes import LayerShape

if TYPE_CHECKING:
    from torch import nn

    from spaces.parts.blocks import LayerwiseNetwork

Design = tuple[str, ...]
"""The name of the block at each searchable layer."""


class Layerwise(Space):
    """A space with one decision per layer. Texts are lists of block names, `k3_e3,skip,…` or a JSON list.

    A subclass gives `options`, `choices`, `published`, `searched`, `layer_shapes`, `block` and `ends`; notation, costs,
    latency tables and the stand-alone network follow from them.
    """

    options: ClassVar[tuple[str, ...]]
    """The names of all blocks. A layer with n choices has the first n."""

    @property
    def candidates(self) -> tuple[Design, ...]:
        return tuple(self.options[:options] for options in self.choices)

    @abstractmethod
    def layer_shapes(self, size: Size) -> list[LayerShape]:
        """The shapes of the searchable layers at a size, one per decision."""

    @abstractmethod
    def block(self, option: str, shape: LayerShape) -> nn.Module:
        """One option of a layer, with fresh weights: an `MBConv`, called as module(x, drop), or another module, called
        as module(x)."""

    @abstractmethod
    def ends(self, design: Design, size: Size) -> tuple[nn.Module, nn.Module]:
        """The fixed parts, with fresh weights: from the image to the first searchable layer, and from the last one to
        the logits. A supernet passes the empty design."""

    def decode(self, arch: Arch) -> Design:
        if not self.valid(arch):
            raise UserError(
                f"architecture {arch}: {type(self).__name__} takes one option per layer, below {self.choices}"
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
                    f"layer {layer + 1}: {name!r} is not allowed in the first layer of a stage; use one of {allowed}"
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
                raise UserError('block list: too many nested brackets; expected ["…", …]') from None
        for layer, name in enumerate(names):
            if not isinstance(name, str) or not name.strip():
                raise UserError(f"layer {layer + 1}: {name!r} is no block name; use one of {', '.join(self.options)}")
        design = tuple(name.strip() for name in names)
        self.encode(design)
        return design

    def network(self, design: Design, size: Size) -> LayerwiseNetwork:
        from spaces.parts.blocks import LayerwiseNetwork

        self.encode(design)
        blocks = [self.block(name, shape) for name, shape in zip(design, self.layer_shapes(size))]
        return LayerwiseNetwork(*self.ends(design, size), blocks, self.layer_shapes(size), size)

    def layers(self, size: Size) -> list[tuple[list[nn.Module], tuple[int, int, int, int]]]:
        """Of every layer all options as modules, and the shape (1, channels, height, width) of its input for one image:
        what a latency table measures."""
        return [self._layer(shape, options) for shape, options in zip(self.layer_shapes(size), self.choices)]

    def _layer(self, shape: LayerShape, options: int) -> tuple[list[nn.Module], tuple[int, int, int, int]]:
        blocks = [self.block(name, shape) for name in self.options[:options]]
        return blocks, (1, shape.inputs, shape.image, shape.image)

    def costs(self, size: Size, metric: str) -> tuple[float, list[list[float]]]:
        import torch

        from spaces.parts.blocks import count

        size, rows = replace(size, auxiliary=False), {}
        layers = list(zip(self.layer_shapes(size), self.choices))
        with torch.device("meta"):
            for shape, options in layers:
                if (shape, options) not in rows:  # layers of the same shape cost the same
                    blocks, _ = self._layer(shape, options)
                    rows[shape, options] = [count(block, shape.image, metric) for block in blocks]
            first = self.network(tuple(self.options[0] for _ in self.choices), size)
            whole = count(first, size.image, metric)
        table = [list(rows[layer]) for layer in layers]
        return whole - sum(row[0] for row in table), table
