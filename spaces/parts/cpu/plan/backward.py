"""The steps of a network's backward pass, from those of its forward pass.

A value has one gradient: that of its normalised form, before the ReLUs of its readers, which each of them applies.
"""

from __future__ import annotations

from torch import nn

from spaces.parts.cpu.plan.forward import Forward
from spaces.parts.cpu.plan.graph import Value, demand
from spaces.parts.cpu.plan.reading import SOURCES, VIEWS, View
from spaces.parts.cpu.plan.steps import Norm, Steps

DOUBLE = 8  # bytes


class Backward:
    """Makes the steps. Gradients of parameters lie one behind another in one array: `offsets` says where, in numbers,
    for those that have one; `size` is their number."""

    def __init__(self, forward: Forward, results: list[Value]):
        """results: whose gradients are given, at the addresses `given`."""
        self.forward, self.arena, self.item = forward, forward.arena, forward.item
        self.steps = Steps()
        self.offsets: dict[nn.Parameter, int] = {}
        self.size = 0
        self.gradient: dict[Value, int] = {}
        self.block: dict[Value, int] = {}  # the part of the arena that a gradient lies in
        self.written: set[Value] = set()
        self.sums: dict[Value, int] = {}
        self.given = [self._room(self._stored(value)) for value in results]
        self.written.update(self._stored(value) for value in results)

    def run(self) -> Backward:
        for value in reversed(self.forward.graph.values):
            if value.operation in (*VIEWS, *SOURCES):
                continue
            if self.forward.inside.get(value, value) not in self.written:
                self._stop(value)
            elif value not in self.forward.inside:
                getattr(self, f"_{value.operation}")(value)
                self.arena.give(self.block.get(value, 0))
        return self

    def _stop(self, value: Value) -> None:
        """What nobody reads has no gradient; what a product with 0 reads has one of zeros."""
        for name in ("weight", "bias") if self.forward.graph.stopped else ():
            if (parameter := value.options.get(name)) is not None:
                self.steps.add("clear", parameter.numel(), 0, self._parameter(parameter))

    def _stored(self, value: Value) -> Value:
        view = self.forward.view(value)
        demand(view.bare, "a result that is a view")
        return view.value

    # ---- addresses ----

    def _parameter(self, parameter: nn.Parameter | None) -> int:
        """Where the gradient of a parameter goes, -1 for none."""
        if parameter is None:
            return -1
        demand(parameter not in self.offsets, "a parameter that is used twice")
        self.offsets[parameter] = self.size
        self.size += parameter.numel()
        return self.offsets[parameter]

    def _room(self, value: Value) -> int:
        """Where the gradient of a value lies."""
        if value not in self.gradient:
            self.gradient[value] = self.block[value] = self.arena.take(self.forward.bytes(value))
        return self.gradient[value]

    def _target(self, value: Value) -> tuple[int, bool]:
        """Where a reader's gradient of a value goes, and whether it is added to that of other readers."""
        added = value in self.written
        self.written.add(value)
        return self._room(value), added

    def _lies_in(self, value: Value, whole: Value, gradient: int) -> None:
        """A value's gradient is that of another one, or a part of it."""
        self.gradient[value], self.block[value] = gradient, self.block[whole]
        self.arena.share(self.block[whole])
        self.written.add(value)

    def _give(self, value: Value, reader: Value, gradient: int) -> None:
        """Takes the gradient of a reader that adds or copies. It becomes the value's own where no other reader is, and
        nothing is added to it."""
        view = self.forward.view(value)
        if view.value.operation in SOURCES:
            return
        alone = self.forward.readers[view.value] == 1 and view.value.operation != "cat"
        if alone and not view.relu and view.drop is None:
            self._lies_in(view.value, reader, gradient)
            return
        into, added = self._target(view.value)
        maps, factors = self.forward.stored[view.value].maps, self.forward.factors(view)
        at = maps, self.forward.norm(view), factors, gradient, into, added
        self.steps.add("add_back", *self.forward.sizes(value), *at)

    # ---- steps ----

    def _add(self, value: Value) -> None:
        for each in value.inputs:
            self._give(each, value, self.gradient[value])

    def _copy(self, value: Value) -> None:
        self._give(value.inputs[0], value, self.gradient[value])

    def _cat(self, value: Value) -> None:
        at = self.gradient[value]
        for part in value.inputs:
            if self.forward.place.get(part, (None,))[0] is value:
                self._lies_in(part, value, at)
            else:
                self._give(part, value, at)
            at += self.forward.bytes(part)

    def _pool(self, value: Value) -> None:
        view, window = self.forward.pooling(value)
        if view.value.operation in SOURCES:
            return
        into, added = self._target(view.value)
        maps = self.forward.stored[value].maps
        at = self.forward.stored[view.value].maps, self.forward.norm(view), maps, self.gradient[value], into, added
        self.steps.add("pool_back", window, *at, value.options["average"], value.options["padded"])

    def _norm(self, value: Value) -> None:
        source, o, stored = value.inputs[0], value.options, self.forward.stored[value]
        demand(o["training"], "the gradient of running averages")
        channels, count = value.maps[0], self.forward.numbers(value)
        if value not in self.sums:
            self.sums[value] = self.arena.take(2 * channels * DOUBLE)
            self.steps.add("slopes", channels, count, stored.maps, stored.norm, self.gradient[value], self.sums[value])
        self._take(channels, self.sums[value], o["weight"], o["bias"])
        if source in self.forward.statistics:
            for part in source.inputs if source.operation == "cat" else (source,):
                self._lies_in(part, value, self.gradient[value])  # as a whole: see `_after`
            return
        inner = self._stored(source)
        demand(inner not in self.written, "a normalisation of maps that others read")
        into, _ = self._target(inner)
        self.steps.add(
            "unapply", channels, count, stored.maps, stored.norm, self.sums[value], self.gradient[value], into
        )

    def _take(self, channels: int, sums: int, weight: nn.Parameter | None, bias: nn.Parameter | None) -> None:
        if weight is not None or bias is not None:
            self.steps.add("take", channels, sums, self._parameter(weight), self._parameter(bias))

    def _conv(self, value: Value) -> None:
        forward, o = self.forward, value.options
        after, sums, g = self._after(value)
        y = forward.stored[value].maps
        if value in forward.statistics and o["bias"] is not None:  # the normalisation cancels it
            self.steps.add("clear", len(o["bias"]), 0, self._parameter(o["bias"]))
        elif o["bias"] is not None:
            own = self.arena.take(2 * value.maps[0] * DOUBLE)
            self.steps.add("slopes", value.maps[0], forward.numbers(value), y, Norm(), g, own)
            self._take(value.maps[0], own, None, o["bias"])
        if forward.is_depthwise(value) or value.inputs[0] in forward.inside:
            shape, view, kernels, matrices = forward.depthwise(value)
            into, added, in_sums = self._reader(view, True)
            at = forward.stored[view.value].maps, forward.norm(view), kernels.data_ptr(), forward.address(matrices)
            weights = self._parameter(kernels), self._parameter(matrices)
            self.steps.add("convolve_back", shape, *at, y, after, sums, g, into, added, in_sums, *weights)
            return
        self._dense(value, after, sums, g)

    def _dense(self, value: Value, after: Norm, sums: int, g: int) -> None:
        forward = self.forward
        view, weight = forward.view(value.inputs[0]), value.options["weight"]
        products = forward.dense(value)
        plain = (
            len(products) == 1
            and weight[0, 0].numel() == 1
            and view.cut is None
            and value.maps[1:] == view.value.maps[1:]
        )
        into, added, in_sums = self._reader(view, plain)
        offset = self._parameter(weight)
        for window, x, norm, matrix, first in products:
            part = first * forward.numbers(value) * self.item
            to = into and into + (x - forward.stored[view.value].maps)
            own = sums and sums + 2 * first * DOUBLE
            y = forward.stored[value].maps + part
            at = x, norm, matrix, y, after.moved(first * self.item), own, g + part, to, added, in_sums
            self.steps.add("dense_back", window, *at, offset + first * weight[0].numel())

    def _after(self, value: Value) -> tuple[Norm, int, int]:
        """The normalisation behind a convolution, its slopes, and the gradient of the normalised result."""
        if value not in self.forward.statistics:
            return Norm(), 0, self.gradient[value]
        norm, first = self.forward.statistics[value]
        part = first * self.forward.numbers(value) * self.item
        after = self.forward.stored[norm].norm.moved(first * self.item)
        return after, self.sums[norm] + 2 * first * DOUBLE, self.gradient[norm] + part

    def _reader(self, view: View, slopes: bool) -> tuple[int, bool, int]:
        """(where the gradient of what a convolution reads goes, whether it is added, where its slopes go). The slopes
        of a normalisation come with the gradient where no other reader is and the kernel gives them (`slopes`)."""
        value = view.value
        if value.operation in SOURCES:
            return 0, False, 0
        into, added = self._target(value)
        if slopes and value.operation == "norm" and self.forward.readers[value] == 1:
            self.sums[value] = self.arena.take(2 * value.maps[0] * DOUBLE)
            return into, added, self.sums[value]
        return into, added, 0
