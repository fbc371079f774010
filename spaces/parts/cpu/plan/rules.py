"""One rule for each torch function that a plan knows: what it adds to the graph, or `Unplanned`."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from spaces.parts.cpu.plan.graph import Value, demand, rule


def _pair(number: Any) -> tuple[int, int]:
    return (number, number) if isinstance(number, int) else (*number, *number)[:2]


@rule("conv2d")
def _conv(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    demand(isinstance(weight, nn.Parameter) and not isinstance(padding, str), "a weight that is computed")
    stride, padding, dilation = _pair(stride), _pair(padding), _pair(dilation)
    sides = [
        (side + 2 * pad - step * (kernel - 1) - 1) // each + 1
        for side, pad, step, kernel, each in zip(x.shape[2:], padding, dilation, weight.shape[2:], stride)
    ]
    geometry = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return x.graph.add("conv", (x,), (len(x), len(weight), *sides), weight=weight, bias=bias, **geometry)


@rule("linear")
def _linear(x, weight, bias=None):
    demand(isinstance(weight, nn.Parameter) and x.dim() == 2, "a weight that is computed")
    geometry = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
    return x.graph.add("conv", (x,), (len(x), len(weight)), weight=weight, bias=bias, **geometry)


@rule("batch_norm")
def _norm(x, mean, variance, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    demand(eps == 1e-5 and (mean is None or momentum is not None), "a batch normalisation with other numbers")
    demand(not training or x.shape.numel() > x.shape[1], "a batch normalisation of one number")
    batches = x.graph.counters.pop() if x.graph.counters else None
    if x.operation == "norm":  # maps are stored before their normalisation, and have one
        x = x.graph.add("copy", (x,), x.shape)
    options = {"mean": mean, "variance": variance, "weight": weight, "bias": bias, "momentum": momentum}
    options["batches"] = batches
    return x.graph.add("norm", (x,), x.shape, training=training, **options)


@rule("relu")
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


@rule("max_pool2d")
def _max_pool(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    demand(_pair(dilation) == (1, 1) and not ceil_mode and not return_indices, "a max pooling with options")
    return _pool(x, kernel_size, stride, padding, False, False)


@rule("avg_pool2d")
def _avg_pool(x, kernel, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
    whole = not any(side % step for side, step in zip(x.shape[2:], _pair(stride or kernel)))  # nothing to round
    demand((not ceil_mode or whole and not padding) and divisor_override is None, "an average pooling with options")
    return _pool(x, kernel, stride, padding, True, count_include_pad)


@rule("adaptive_avg_pool2d")
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


@rule("mean")
def _mean(x, dim, keepdim=False):
    demand(tuple(dim) in ((2, 3), (-2, -1), (-1, -2)) and x.dim() == 4, "a mean that is not over maps")
    y = _pooled(x, tuple(x.shape[2:]), (1, 1), (0, 0), True, False, (1, 1))
    return y if keepdim else _flatten(y, 1)


@rule("flatten")
def _flatten(x, start_dim=0, end_dim=-1):
    demand(start_dim == 1 and end_dim in (-1, x.dim() - 1), "a flattening of images")
    form = "flatten" if x.shape[2:].numel() == 1 else "copy"  # the channels of maps of one pixel are features already
    return x.graph.add(form, (x,), (len(x), x.shape[1:].numel()))


@rule("add")
def _add(x, y):
    if isinstance(x, Value) and isinstance(y, Value) and x.shape == y.shape and "zeros" in (x.operation, y.operation):
        nothing, other = (x, y) if x.operation == "zeros" else (y, x)
        nothing.options["added"] = True
        return other
    demand(isinstance(x, Value) and isinstance(y, Value) and x.shape == y.shape, "an addition that broadcasts")
    return x.graph.add("add", (x, y), x.shape)


@rule("mul")
def _nothing(x, factor):
    """Zeros, which a sum leaves out. They have no gradient to give."""
    demand(isinstance(x, Value) and factor == 0, "a product that is not with 0")
    return x.graph.add("zeros", (x,), x.shape, added=False)


@rule("cat", "concat", "concatenate")
def _cat(parts, dim=0):
    demand(dim == 1 and all(isinstance(part, Value) for part in parts), "a concatenation that is not along channels")
    first = parts[0]
    return first.graph.add("cat", tuple(parts), (len(first), sum(p.shape[1] for p in parts), *first.shape[2:]))


@rule("__getitem__")
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


@rule("pad")
def _pad(x, pad, mode="constant", value=None):
    demand(mode == "constant" and not value and len(pad) == 4 and min(pad) >= 0, "a padding that is not of zeros")
    left, right, top, bottom = pad
    height, width = x.shape[2:]
    sides = height + top + bottom, width + left + right
    return x.graph.add("window", (x,), (*x.shape[:2], *sides), starts=(-top, -left), steps=(1, 1))


@rule("channel_shuffle", "native_channel_shuffle")
def _shuffle(x, groups):
    order = torch.arange(x.shape[1]).view(groups, -1).t().flatten()
    return x.graph.add("shuffle", (x,), x.shape, order=order)
