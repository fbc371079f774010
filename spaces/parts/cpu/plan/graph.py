"""The layers that a network's definition calls, as a graph of values that only have a shape.

torch hands every function that is called with a `Value` to `ruled`, which knows the functions that have a rule.
Anything else is `Unplanned`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor


class Unplanned(Exception):
    """The network has something for which there is no rule: its definition must run."""


def demand(holds: bool, what: str) -> None:
    if not holds:
        raise Unplanned(what)


@dataclass(eq=False)
class Value:
    """The result of one operation.

    shape: as in torch, (images, channels, height, width) or (images, features).

    operation: input, conv, norm, relu, pool, add, cat, window, shuffle, flatten, copy, drop or zeros; `options`: what
    its rule in `rules` says.
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
        return ruled(function, arguments, options or {})

    def dim(self) -> int:
        return len(self.shape)

    def size(self, at: int | None = None) -> Any:
        return self.shape if at is None else self.shape[at]

    def __len__(self) -> int:
        return self.shape[0]

    def __add__(self, other: Value) -> Value:
        return RULES["add"](self, other)

    def __mul__(self, factor: float) -> Value:
        return RULES["mul"](self, factor)

    def __getitem__(self, where: Any) -> Value:
        return RULES["__getitem__"](self, where)

    def mean(self, dim: Any, keepdim: bool = False) -> Value:
        return RULES["mean"](self, dim, keepdim)

    def flatten(self, start: int = 0, end: int = -1) -> Value:
        return RULES["flatten"](self, start, end)

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


RULES: dict[str, Callable[..., Value]] = {}


def ruled(function: Any, arguments: Any, options: dict[str, Any]) -> Any:
    """What the rule for a torch function says; Unplanned without one."""
    name = getattr(function, "__name__", str(function))
    if name not in RULES:
        raise Unplanned(f"no rule for {name}")
    return RULES[name](*arguments, **options)


def rule(*names: str) -> Callable[[Callable[..., Value]], Callable[..., Value]]:
    """Makes a function the rule for the torch functions of these names."""

    def keep(rule: Callable[..., Value]) -> Callable[..., Value]:
        RULES.update(dict.fromkeys(names, rule))
        return rule

    return keep
