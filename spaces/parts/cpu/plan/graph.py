"""Records the layers that a network's definition calls, by calling it with values that only have a shape.

`record` runs `forward` of the definition with a `Value` in the place of the images. torch hands every function that is
called with one to this module, which has one rule for each function it knows. Anything else is `Unplanned`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


class Unplanned(Exception):
    """The network has something for which there is no rule: its definition must run."""


@dataclass(eq=False)
class Value:
    """The result of one operation.

    shape: as in torch, (images, channels, height, width) or (images, features).

    operation: input, conv, norm, relu, pool, add, cat, window, shuffle, flatten, copy, drop or zeros; `options`: what
    its rule below says.
    """

    graph: Graph
    operation: str
    inputs: tuple[Value, ...]
    shape: torch.Size
    options: dict[str, Any]
    number: int
    device = torch.device("meta")  # definitions ask it of their inputs

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, arguments: Any, options: Any = None) -> Any:
        return _ruled(function, arguments, options or {})

    def dim(self) -> int:
        return len(self.shape)

    def size(self, at: int | None = None) -> Any:
        return self.shape if at is None else self.shape[at]

    def __len__(self) -> int:
        return self.shape[0]

    def __add__(self, other: Value) -> Value:
        return _add(self, other)

    def __mul__(self, factor: float) -> Value:
        return _nothing(self, factor)

    def __getitem__(self, where: Any) -> Value:
        return _slice(self, where)

    def mean(self, dim: Any, keepdim: bool = False) -> Value:
        return _mean(self, dim, keepdim)

    def flatten(self, start: int = 0, end: int = -1) -> Value:
        return _flatten(self, start, end)

    @property
    def maps(self) -> tuple[int, int, int]:
        """(channels, height, width); features are maps of one pixel."""
        return (*self.shape[1:], 1, 1)[:3]


@dataclass
class Graph:
    values: list[Value] = field(default_factory=list)
    counters: list[Tensor] = field(default_factory=list)
    """The number of batches that the batch normalisation has seen which comes next."""
    stopped: bool = False
    """Whether every layer without a gradient of its own has one of zeros, because a product with 0 reads it."""

    def add(self, operation: str, inputs: tuple[Value, ...], shape: Any, **options: Any) -> Value:
        value = Value(self, operation, inputs, torch.Size(shape), options, len(self.values))
        self.values.append(value)
        return value

    def settle_zeros(self, results: int) -> None:
        """Leaves zeros out that are only added, and makes those that are read values without inputs. Every other value
        must lead to one of the `results`, be it through a product with 0: then whatever gets no gradient has zeros."""
        zeros = [value for value in self.values if value.operation == "zeros"]
        if not zeros:
            return
        read = {each.number for value in self.values for each in value.inputs}
        added = [value for value in zeros if value.options["added"] and value.number not in read]
        demand(sum(value.number not in read for value in self.values) == len(added) + results, "a layer without a use")
        self.values = [value for value in self.values if value not in added]
        for value in zeros:
            value.inputs = ()
        self.stopped = True


class _Recording(TorchFunctionMode):
    """Keeps the counters of batches as they are, and notes them."""

    def __init__(self, graph: Graph):
        super().__init__()
        self.graph = graph

    def __torch_function__(self, function: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        if any(isinstance(each, Value) for each in arguments):
            return _ruled(function, arguments, options or {})
        if getattr(function, "__name__", "") == "add_" and not arguments[0].is_floating_point():
            self.graph.counters.append(arguments[0])
            return arguments[0]
        return function(*arguments, **(options or {}))


def record(network: nn.Module, shape: torch.Size, drops: bool) -> tuple[Graph, list[Value]]:
    """(graph, results) of a network for images of a shape: logits and, if any, auxiliary logits. `drops`: with drop
    path."""
    graph = Graph()
    x = graph.add("input", (), shape)

    def drop(y: Value) -> Value:
        return graph.add("drop", (y,), y.shape)

    with _Recording(graph):
        try:
            results = network(x, drop if drops else None)
        except (TypeError, AttributeError, RuntimeError) as error:  # what a value cannot do
            raise Unplanned(str(error)) from error
    copies = [graph.add("copy", (y,), y.shape) for y in results if y is not None]
    graph.settle_zeros(len(copies))
    return graph, copies


RULES: dict[str, Callable[..., Value]] = {}


def _ruled(function: Any, arguments: Any, options: dict[str, Any]) -> Any:
    name = getattr(function, "__name__", str(function))
    if name not in RULES:
        raise Unplanned(f"no rule for {name}")
    return RULES[name](*arguments, **options)


def _rule(*names: str) -> Callable[[Callable[..., Value]], Callable[..., Value]]:
    def keep(rule: Callable[..., Value]) -> Callable[..., Value]:
        RULES.update(dict.fromkeys(names, rule))
        return rule

    return keep


def demand(holds: bool, what: str) -> None:
    if not holds:
        raise Unplanned(what)


def _pair(number: Any) -> tuple[int, int]:
    return (number, number) if isinstance(number, int) else (*number, *number)[:2]


@_rule("conv2d")
def _conv(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    demand(isinstance(weight, nn.Parameter) and not isinstance(padding, str), "a weight that is computed")
    stride, padding, dilation = _pair(stride), _pair(padding), _pair(dilation)
    sides = [
        (side + 2 * pad - step * (kernel - 1) - 1) // each + 1
        for side, pad, step, kernel, each in zip(x.shape[2:], padding, dilation, weight.shape[2:], stride)
    ]
    geometry = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return x.graph.add("conv", (x,), (len(x), len(weight), *sides), weight=weight, bias=bias, **geometry)


@_rule("linear")
def _linear(x, weight, bias=None):
    demand(isinstance(weight, nn.Parameter) and x.dim() == 2, "a weight that is computed")
    geometry = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
    return x.graph.add("conv", (x,), (len(x), len(weight)), weight=weight, bias=bias, **geometry)


@_rule("batch_norm")
def _norm(x, mean, variance, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    demand(eps == 1e-5 and (mean is None or momentum is not None), "a batch normalisation with other numbers")
    demand(not training or x.shape.numel() > x.shape[1], "a batch normalisation of one number")
    batches = x.graph.counters.pop() if x.graph.counters else None
    if x.operation == "norm":  # maps are stored before their normalisation, and have one
        x = x.graph.add("copy", (x,), x.shape)
    options = {"mean": mean, "variance": variance, "weight": weight, "bias": bias, "momentum": momentum}
    options["batches"] = batches
    return x.graph.add("norm", (x,), x.shape, training=training, **options)


@_rule("relu")
def _relu(x, inplace=False):
    return x.graph.add("relu", (x,), x.shape)


def _pool(x, kernel, stride, padding, average, padded):
    kernel, padding = _pair(kernel), _pair(padding)
    stride = kernel if stride in (None, [], ()) else _pair(stride)
    sides = [(side + 2 * pad - size) // step + 1 for side, pad, size, step in zip(x.shape[2:], padding, kernel, stride)]
    return _pooled(x, kernel, stride, padding, average, padded, sides)


def _pooled(x, kernel, stride, padding, average, padded, sides):
    options = {"kernel": kernel, "stride": stride, "padding": padding, "average": average, "padded": padded}
    return x.graph.add("pool", (x,), (*x.shape[:2], *sides), **options)


@_rule("max_pool2d")
def _max_pool(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    demand(_pair(dilation) == (1, 1) and not ceil_mode and not return_indices, "a max pooling with options")
    return _pool(x, kernel_size, stride, padding, False, False)


@_rule("avg_pool2d")
def _avg_pool(x, kernel, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
    whole = not any(side % step for side, step in zip(x.shape[2:], _pair(stride or kernel)))  # nothing to round
    demand((not ceil_mode or whole and not padding) and divisor_override is None, "an average pooling with options")
    return _pool(x, kernel, stride, padding, True, count_include_pad)


@_rule("adaptive_avg_pool2d")
def _adaptive_avg_pool(x, output_size):
    found = []
    for side, results in zip(x.shape[2:], _pair(output_size)):
        starts = [i * side // results for i in range(results)]
        lengths = {-(-(i + 1) * side // results) - start for i, start in enumerate(starts)}
        steps = {after - before for before, after in zip(starts, starts[1:])} or {1}
        demand(len(lengths) == len(steps) == 1, "an uneven pooling")
        found.append((*lengths, *steps))
    (high, down), (wide, across) = found
    return _pooled(x, (high, wide), (down, across), (0, 0), True, False, _pair(output_size))


@_rule("mean")
def _mean(x, dim, keepdim=False):
    demand(tuple(dim) in ((2, 3), (-2, -1), (-1, -2)) and x.dim() == 4, "a mean that is not over maps")
    y = _pooled(x, tuple(x.shape[2:]), (1, 1), (0, 0), True, False, (1, 1))
    return y if keepdim else _flatten(y, 1)


@_rule("flatten")
def _flatten(x, start_dim=0, end_dim=-1):
    demand(start_dim == 1 and end_dim in (-1, x.dim() - 1), "a flattening of images")
    form = "flatten" if x.shape[2:].numel() == 1 else "copy"  # the channels of maps of one pixel are features already
    return x.graph.add(form, (x,), (len(x), x.shape[1:].numel()))


@_rule("add")
def _add(x, y):
    if isinstance(x, Value) and isinstance(y, Value) and x.shape == y.shape and "zeros" in (x.operation, y.operation):
        nothing, other = (x, y) if x.operation == "zeros" else (y, x)
        nothing.options["added"] = True
        return other
    demand(isinstance(x, Value) and isinstance(y, Value) and x.shape == y.shape, "an addition that broadcasts")
    return x.graph.add("add", (x, y), x.shape)


def _nothing(x, factor):
    """Zeros, which a sum leaves out. They have no gradient to give."""
    demand(isinstance(x, Value) and factor == 0, "a product that is not with 0")
    return x.graph.add("zeros", (x,), x.shape, added=False)


@_rule("cat", "concat", "concatenate")
def _cat(parts, dim=0):
    demand(dim == 1 and all(isinstance(part, Value) for part in parts), "a concatenation that is not along channels")
    first = parts[0]
    return first.graph.add("cat", tuple(parts), (len(first), sum(p.shape[1] for p in parts), *first.shape[2:]))


@_rule("__getitem__")
def _slice(x, where):
    demand(isinstance(where, tuple) and x.dim() == 4 and len(where) == 4, "an index that is not a slice of maps")
    demand(where[:2] == (slice(None), slice(None)), "an index that is not a slice of maps")
    starts, steps = [], []
    for cut in where[2:]:
        demand(isinstance(cut, slice) and cut.stop is None, "an index that is not a slice of maps")
        starts.append(cut.start or 0)
        steps.append(cut.step or 1)
    demand(min(starts) >= 0, "an index from the end")
    if starts == [0, 0] and steps == [1, 1]:
        return x
    sides = [-(-(side - start) // step) for side, start, step in zip(x.shape[2:], starts, steps)]
    return x.graph.add("window", (x,), (*x.shape[:2], *sides), starts=tuple(starts), steps=tuple(steps))


@_rule("pad")
def _pad(x, pad, mode="constant", value=None):
    demand(mode == "constant" and not value and len(pad) == 4 and min(pad) >= 0, "a padding that is not of zeros")
    left, right, top, bottom = pad
    height, width = x.shape[2:]
    sides = height + top + bottom, width + left + right
    return x.graph.add("window", (x,), (*x.shape[:2], *sides), starts=(-top, -left), steps=(1, 1))


@_rule("channel_shuffle", "native_channel_shuffle")
def _shuffle(x, groups):
    order = torch.arange(x.shape[1]).view(groups, -1).t().flatten()
    return x.graph.add("shuffle", (x,), x.shape, order=order)
