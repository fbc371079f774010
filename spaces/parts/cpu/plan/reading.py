"""How the values of a graph are read, and which of them are computed together.

Normalisations, ReLUs, slices, shuffles and drop path are no steps of their own: whoever reads maps applies them (a
`View`). A depthwise convolution in front of a 1x1 convolution is computed with it. What is concatenated is computed
where the concatenation lies.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from spaces.parts.cpu.plan.graph import Graph, Value, demand

VIEWS = ("relu", "window", "shuffle", "flatten", "drop")
SOURCES = ("input", "zeros")
"""What no step computes, and what takes no gradient."""
WIDEST = 15  # see kernels.py


@dataclass
class View:
    """How maps are read: the value that is stored, and what is applied to it."""

    value: Value
    relu: bool = False
    cut: tuple[int, int, int, int] | None = None  # first row, first column, steps
    order: Tensor | None = None
    drop: int | None = None

    @property
    def bare(self) -> bool:
        return not (self.relu or self.cut or self.drop is not None) and self.order is None


class Reading:
    """What the forward and the backward pass of a graph need to know of its values."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.users: dict[Value, list[Value]] = {value: [] for value in graph.values}
        for value in graph.values:
            for each in value.inputs:
                self.users[each].append(value)
        self.drops = {v: i for i, v in enumerate(v for v in graph.values if v.operation == "drop")}
        self.readers = {value: len(self._readers(value)) for value in graph.values}
        self.place: dict[Value, tuple[Value, int]] = {}  # the concatenation, and the first channel in it
        self.statistics: dict[Value, tuple[Value, int]] = {}  # the normalisation of a convolution, and the channel
        self.inside: dict[Value, Value] = {}  # a depthwise convolution, and the 1x1 convolution that computes it
        for value in graph.values:
            self._prepare(value)

    def view(self, value: Value) -> View:
        """How to read a value."""
        if value.operation not in VIEWS:
            return View(value)
        inner = self.view(value.inputs[0])
        if value.operation == "flatten":
            demand(inner.cut is None and inner.order is None, "a flattened slice")
            return inner
        demand(inner.drop is None, "a dropped path that is not added at once")
        if value.operation == "relu":
            return replace(inner, relu=True)
        if value.operation == "drop":
            return replace(inner, drop=self.drops[value])
        if value.operation == "shuffle":
            demand(inner.order is None, "a shuffled shuffle")
            return replace(inner, order=value.options["order"])
        top, left, down, across = inner.cut or (0, 0, 1, 1)
        (first, start), (step, stride) = value.options["starts"], value.options["steps"]
        demand(min(first, start) >= 0 or inner.cut is None or (top < down and left < across), "a padded slice")
        return replace(inner, cut=(top + first * down, left + start * across, down * step, across * stride))

    def is_depthwise(self, value: Value) -> bool:
        """Whether kernels.c can compute it as a depthwise convolution."""
        if value.operation != "conv":
            return False
        o, channels = value.options, value.inputs[0].maps[0]
        high, wide = [*o["weight"].shape[2:], 1, 1][:2]
        square = (
            high == wide and high % 2 == 1 and high <= WIDEST and len(set(o["stride"])) == len(set(o["dilation"])) == 1
        )
        reach = (o["dilation"][0] * (high // 2),) * 2
        single = o["groups"] == channels == len(o["weight"]) and channels > 1
        return single and square and o["padding"] == reach and self.view(value.inputs[0]).cut is None

    def _readers(self, value: Value) -> list[Value]:
        """Those that read a value, through views too."""
        found = []
        for user in self.users[value]:
            found += self._readers(user) if user.operation in VIEWS else [user]
        return found

    def _prepare(self, value: Value) -> None:
        if value.operation == "cat":
            first = 0
            for part in value.inputs:
                if self._may_lie_in(part, value):
                    self.place[part] = value, first
                first += part.maps[0]
        if value.operation == "norm" and value.options["training"]:
            self._give_statistics(value.inputs[0], value, 0)
        if value.operation == "conv" and self.is_depthwise(before := value.inputs[0]) and self.users[before] == [value]:
            plain = value.options["weight"].shape[2:].numel() == 1 and value.options["stride"] == (1, 1)
            if plain and value.options["padding"] == (0, 0) and before.options["bias"] is None:
                self.inside[before] = value

    def _may_lie_in(self, part: Value, cat: Value) -> bool:
        """Not if somebody reads it later: its gradient would not be complete with that of the concatenation."""
        stored = part.operation in ("conv", "pool", "add", "cat")
        latest = max(user.number for user in self._readers(part))
        return stored and part not in self.place and cat.inputs.count(part) == 1 and latest <= cat.number

    def _give_statistics(self, value: Value, norm: Value, first: int) -> None:
        """A convolution that only the normalisation reads computes its moments, also in a concatenation."""
        parts = value.inputs if value.operation == "cat" else (value,)
        if len(self.users[value]) > 1 or any(p.operation != "conv" or len(self.users[p]) > 1 for p in parts):
            return
        if value.operation == "cat" and any(self.place.get(part, (None,))[0] is not value for part in parts):
            return
        for part in parts:
            self.statistics[part] = norm, first
            first += part.maps[0]
        self.statistics[value] = norm, 0
