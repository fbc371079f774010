"""The steps of a network's forward pass."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor, nn

from spaces.parts.cpu.plan.arena import Arena
from spaces.parts.cpu.plan.graph import Graph, Value, demand
from spaces.parts.cpu.plan.reading import VIEWS, Reading, View
from spaces.parts.cpu.plan.steps import Norm, Shape, Steps, Window, bits


@dataclass
class Stored:
    """Where a value's maps lie, and how to read them. The maps of a normalisation are those of its input."""

    maps: int = 0
    norm: Norm = field(default_factory=Norm)


class Forward(Reading):
    """Makes the steps for a graph. Addresses of parameters and buffers are those of now."""

    def __init__(self, graph: Graph, arena: Arena, item: int):
        """item: bytes of a number."""
        super().__init__(graph)
        self.arena, self.item = arena, item
        self.steps = Steps()
        self.keep: list[Tensor] = []  # whose addresses stand in steps
        self.stored: dict[Value, Stored] = {}
        self.zeros: list[tuple[int, Value]] = []  # where maps of zeros lie, which nobody else writes to
        self.images = graph.values[0].shape[0]
        self.masks = arena.take(max(len(self.drops), 1) * self.images * item)

    def run(self) -> Forward:
        for value in self.graph.values:
            if value.operation not in VIEWS:
                getattr(self, f"_{value.operation}")(value)
        return self

    # ---- addresses ----

    def norm(self, view: View) -> Norm:
        return self.stored[view.value].norm._replace(relu=int(view.relu))

    def address(self, tensor: Tensor | None) -> int:
        return 0 if tensor is None else tensor.data_ptr()

    def numbers(self, value: Value) -> int:
        """How many numbers a channel has."""
        _, height, width = value.maps
        return height * width * self.images

    def bytes(self, value: Value) -> int:
        return value.maps[0] * self.numbers(value) * self.item

    def _room(self, value: Value) -> int:
        """Where the maps of a value lie."""
        if value in self.stored:
            return self.stored[value].maps
        if value in self.place:
            whole, first = self.place[value]
            maps = self._room(whole) + first * self.numbers(value) * self.item
        else:
            maps = self.arena.take(self.bytes(value))
        self.stored[value] = Stored(maps)
        return maps

    def _moments(self, value: Value) -> tuple[int, int]:
        """Where the statistics of a value go: 0 where nobody wants them."""
        if value not in self.statistics:
            return 0, 0
        norm, first = self.statistics[value]
        if norm not in self.stored:
            room = norm.maps[0] * self.item
            self.stored[norm] = Stored(0, Norm(self.arena.take(room), self.arena.take(room)))
        return self.stored[norm].norm.moved(first * self.item)[:2]

    # ---- steps ----

    def _input(self, value: Value) -> None:
        self._room(value)

    def _zeros(self, value: Value) -> None:
        self.zeros.append((self._room(value), value))

    def _conv(self, value: Value) -> None:
        if value in self.inside:
            return
        o = value.options
        y = self._room(value)
        if value not in self.statistics and o["bias"] is not None:
            self.stored[value].norm = Norm(bias=self.address(o["bias"]))
        moments = self._moments(value)
        if self.is_depthwise(value) or value.inputs[0] in self.inside:
            shape, view, kernels, matrices = self.depthwise(value)
            spare = value.maps[0] * self.item
            moments = moments if moments[0] else (self.arena.take(spare), self.arena.take(spare))
            at = self.stored[view.value].maps, self.norm(view), self.address(kernels), self.address(matrices)
            self.steps.add("convolve", shape, *at, y, *moments)
            return
        for window, x, norm, weight, first in self.dense(value):
            out = y + first * self.numbers(value) * self.item
            means = tuple(address and address + first * self.item for address in moments)
            self.steps.add("dense", window, x, norm, weight, out, *means)

    def depthwise(self, value: Value) -> tuple[Shape, View, nn.Parameter, nn.Parameter | None]:
        """A depthwise convolution with the 1x1 convolution behind it, if any: (shape, what it reads, kernels,
        matrices)."""
        first = value if self.is_depthwise(value) else value.inputs[0]
        view, o = self.view(first.inputs[0]), first.options
        demand(view.drop is None, "a convolution of a dropped path")
        channels, height, width = view.value.maps
        groups, inputs, outputs, matrices = channels, 1, 1, None
        if first is not value:
            groups, matrices = value.options["groups"], value.options["weight"]
            inputs, outputs = channels // groups, value.maps[0] // groups
        reads = 0
        if view.order is not None:
            self.keep.append(view.order)
            reads = view.order.data_ptr()
        kernel = o["weight"].shape[2], o["stride"][0], o["dilation"][0]
        shape = Shape(groups, inputs, outputs, height, width, self.images, *kernel, channels, reads)
        return shape, view, o["weight"], matrices

    def dense(self, value: Value) -> list[tuple[Window, int, Norm, int, int]]:
        """One product for each group: (window, maps, norm, weight, first output)."""
        view, o = self.view(value.inputs[0]), value.options
        demand(view.order is None and view.drop is None, "a convolution of shuffled maps")
        window = self._window(view, value, o["weight"].shape[2:] or (1, 1), o["stride"], o["padding"], o["dilation"])
        weight, groups = o["weight"], o["groups"]
        last = not weight.is_contiguous()
        window = window._replace(channels=window.channels // groups, outputs=value.maps[0] // groups, last=int(last))
        found = []
        for group in range(groups):
            from_ = group * window.channels
            x = self.stored[view.value].maps + from_ * self.numbers(view.value) * self.item
            first = group * window.outputs
            matrix = weight.data_ptr() + first * weight[0].numel() * self.item
            found.append((window, x, self.norm(view).moved(from_ * self.item), matrix, first))
        return found

    def _window(self, view, value, kernel, stride, padding, dilation) -> Window:
        """What a convolution or a pooling of a view reads."""
        top, left, down, across = view.cut or (0, 0, 1, 1)
        padded = padding != (0, 0)
        demand(not padded or view.cut is None or (top < down and left < across), "a padded slice")
        channels, height, width = view.value.maps
        return Window(
            *(channels, height, width, self.images),
            *value.maps,
            *kernel,
            *(top - padding[0] * down, left - padding[1] * across),
            *(stride[0] * down, stride[1] * across),
            *(dilation[0] * down, dilation[1] * across),
        )  # fmt: skip

    def _norm(self, value: Value) -> None:
        source, o = value.inputs[0], value.options
        demand(source.operation not in VIEWS or self.view(source).bare, "a normalisation of a view")
        inner = self.view(source).value
        maps, count = self.stored[inner].maps, self.numbers(value)
        affine = {"weight": self.address(o["weight"]), "bias": self.address(o["bias"])}
        if not o["training"]:
            self._fixed_norm(value, maps, affine)
            return
        if source not in self.statistics:
            demand(self.stored[inner].norm == Norm(), "a normalisation of a normalisation")
            room = value.maps[0] * self.item
            self.stored[value] = Stored(0, Norm(self.arena.take(room), self.arena.take(room)))
            self.steps.add("moments", value.maps[0], count, maps, *self.stored[value].norm[:2])
        norm = self.stored[value].norm._replace(**affine)
        self.stored[value] = Stored(maps, norm)
        if o["mean"] is not None:
            bias = self._own_bias(source)
            averages = self.address(o["mean"]), self.address(o["variance"]), self.address(o["batches"])
            self.steps.add("averages", value.maps[0], count, *norm[:2], bias, *averages, bits(o["momentum"]))

    def _own_bias(self, source: Value) -> int:
        """The bias of a convolution in front of a normalisation, which is only added to the running average."""
        parts = source.inputs if source.operation == "cat" else (source,)
        biased = [p for p in parts if p.operation == "conv" and p.options["bias"] is not None]
        demand(not biased or parts == (source,), "concatenated convolutions with a bias")
        return self.address(source.options["bias"]) if biased else 0

    def _fixed_norm(self, value: Value, maps: int, affine: dict[str, int]) -> None:
        """With running averages."""
        source, o = value.inputs[0], value.options
        demand(self._own_bias(source) == 0 or self.readers[source] == 1, "a convolution that is read twice")
        mean, inverse = self.address(o["mean"]), self.arena.take(value.maps[0] * self.item)
        self.steps.add("deviation", value.maps[0], self.address(o["variance"]), inverse)
        if bias := self._own_bias(source):
            shifted = self.arena.take(value.maps[0] * self.item)
            self.steps.add("shift", value.maps[0], mean, bias, shifted)
            mean = shifted
        self.stored[value] = Stored(maps, Norm(mean, inverse, **affine))

    def _pool(self, value: Value) -> None:
        view, window = self.pooling(value)
        o = value.options
        at = self.stored[view.value].maps, self.norm(view), self._room(value)
        self.steps.add("pool", window, *at, o["average"], o["padded"])

    def pooling(self, value: Value) -> tuple[View, Window]:
        view, o = self.view(value.inputs[0]), value.options
        demand(view.order is None and view.drop is None and view.cut is None, "a pooling of slices")
        return view, self._window(view, value, o["kernel"], o["stride"], o["padding"], (1, 1))

    def _add(self, value: Value) -> None:
        for i, each in enumerate(value.inputs):
            self._add_into(self._room(value), each, i > 0)

    def _copy(self, value: Value) -> None:
        self._add_into(self._room(value), value.inputs[0], False)

    def _cat(self, value: Value) -> None:
        to = self._room(value)
        for part in value.inputs:
            if self.place.get(part, (None,))[0] is not value:
                self._add_into(to, part, False)
            to += self.bytes(part)

    def _add_into(self, to: int, value: Value, add: bool) -> None:
        view = self.view(value)
        demand(view.cut is None and view.order is None, "slices that are added")
        self.steps.add(
            "add", *self.sizes(value), self.stored[view.value].maps, self.norm(view), self.factors(view), to, add
        )

    def sizes(self, value: Value) -> tuple[int, int, int]:
        channels, height, width = value.maps
        return channels, height * width, self.images

    def factors(self, view: View) -> int:
        return 0 if view.drop is None else self.masks + view.drop * self.images * self.item
