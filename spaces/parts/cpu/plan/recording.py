"""Records the layers that a network's definition calls, by calling it with values that only have a shape."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

import spaces.parts.cpu.plan.rules  # noqa: F401  (makes the rules known)
from spaces.parts.cpu.plan.graph import Graph, Unplanned, Value, ruled


class _Recording(TorchFunctionMode):
    """Keeps the counters of batches as they are, and notes them."""

    def __init__(self, graph: Graph):
        super().__init__()
        self.graph = graph

    def __torch_function__(self, function: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        if any(isinstance(each, Value) for each in arguments):
            return ruled(function, arguments, options or {})
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
