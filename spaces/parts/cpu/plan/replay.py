"""A network as one autograd function that replays its plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.func import functional_call
from torch.overrides import BaseTorchFunctionMode

from spaces.parts.cpu.build import library
from spaces.parts.cpu.kernels import TYPES
from spaces.parts.cpu.layout import as_memory
from spaces.parts.cpu.plan.arena import BASE, Arena, allocate, placed
from spaces.parts.cpu.plan.backward import Backward
from spaces.parts.cpu.plan.forward import Forward
from spaces.parts.cpu.plan.graph import Unplanned, Value
from spaces.parts.cpu.plan.recording import record
from spaces.parts.network import DropPath, Network

Results = tuple[Tensor, Tensor | None]
KEPT = 4  # plans of a network: training and evaluation, each with whole batches and the last one


class Plan:
    """The steps of a network for batches of one shape."""

    def __init__(self, network: Network, x: Tensor, drops: bool):
        graph, results = record(network, x.shape, drops)
        arena = Arena()
        forward = Forward(graph, arena, x.element_size()).run()
        self.type, self.rows, self.keep = x.dtype, forward.steps.table(), forward.keep
        self.x = forward.stored[graph.values[0]].maps, _memory(graph.values[0])
        self.results = [(forward.stored[value].maps, _memory(value)) for value in results]
        self.masks = forward.masks, (len(forward.drops), len(x))
        self.zeros = [(at, _memory(value)) for at, value in forward.zeros]
        self.offsets: dict[nn.Parameter, int] = {}
        if torch.is_grad_enabled():
            backward = Backward(forward, results).run()
            self.back, self.size, self.offsets = backward.steps.table(), backward.size, backward.offsets
            self.given = [(at, _memory(value)) for at, value in zip(backward.given, results)]
        self.bytes = arena.size
        self.free: list[Run] = []

    def run(self) -> Run:
        """A run of this plan in memory where nobody computes."""
        return self.free.pop() if self.free else Run(self)


def _memory(value: Value) -> tuple[int, ...]:
    """The shape of a value's maps in memory."""
    return (*value.shape[1:], len(value))


class Run:
    """The memory of one pass forward and back."""

    def __init__(self, plan: Plan):
        self.plan, self.memory = plan, allocate(plan.bytes)
        self.rows = placed(plan.rows, self.memory)
        self.x, self.masks = self._at(*plan.x), self._at(*plan.masks)
        self.results = [self._at(*each) for each in plan.results]
        for each in plan.zeros:
            self._at(*each).zero_()
        if plan.offsets:
            self.back = placed(plan.back, self.memory)
            self.given = [self._at(*each) for each in plan.given]

    def _at(self, address: int, shape: tuple[int, ...]) -> Tensor:
        """The tensor of a shape at an address of the arena."""
        first = (address - BASE) // self.plan.type.itemsize
        return self.memory[: self.plan.bytes].view(self.plan.type)[first:][: torch.Size(shape).numel()].view(shape)

    def forward(self, x: Tensor, factors: Tensor | None) -> list[Tensor]:
        """Results (images, classes)."""
        self.x.copy_(as_memory(x))
        if factors is not None:
            self.masks.copy_(factors)
        _replay(self.plan.type, self.rows, 0)
        return [result.t().clone(memory_format=torch.contiguous_format) for result in self.results]

    def backward(self, given: tuple[Tensor | None, ...]) -> Tensor:
        """The gradients of all parameters that have one, one behind another."""
        for to, gradient in zip(self.given, given):
            to.zero_() if gradient is None else to.copy_(gradient.t())
        gradients = torch.empty(self.plan.size, dtype=self.plan.type)
        _replay(self.plan.type, self.back, gradients.data_ptr())
        return gradients


def _replay(dtype: torch.dtype, rows: Tensor, gradients: int) -> None:
    library(TYPES[dtype]).replay(rows.data_ptr(), len(rows), gradients)


class _Lease:
    """A run that nobody else uses until the graph of its results is gone."""

    def __init__(self, run: Run):
        self.run = run

    def __del__(self) -> None:
        self.run.plan.free.append(self.run)


class _Replayed(Function):
    """Logits and auxiliary logits."""

    @staticmethod
    def forward(ctx, plan, x, factors, again, *parameters):
        ctx.lease, ctx.again = _Lease(plan.run()), again
        ctx.save_for_backward(*parameters)
        return tuple(ctx.lease.run.forward(x, factors))

    @staticmethod
    def backward(ctx, *given):
        parameters = ctx.saved_tensors
        if torch.is_grad_enabled():
            return (None,) * 4 + ctx.again.gradients(parameters, given)
        run = ctx.lease.run
        pieces = run.backward(given).split([p.numel() for p in parameters])
        return (None,) * 4 + tuple(map(_as, pieces, parameters))


def _as(piece: Tensor, parameter: Tensor) -> Tensor:
    """A gradient, which lies in memory as its parameter does."""
    return piece.as_strided(parameter.shape, parameter.stride())


class Plans:
    """The plans of one network, the last used ones. `fuse` again where modules or parameters have been replaced."""

    def __init__(self, network: Network):
        self.below = network.__dict__["_below"]  # new where the network has been fused again
        self.modules = list(network.modules())[1:]  # not the network itself, which would never be forgotten
        self.norms = [module for module in self.modules if isinstance(module, nn.BatchNorm2d)]
        self.tensors = [*network.parameters(), *network.buffers()]
        self.plans: dict[Any, Plan | None] = {}

    def plan(self, network: Network, x: Tensor, drops: bool) -> Plan | None:
        """None where the network has something that cannot be planned."""
        momenta = tuple([norm.momentum for norm in self.norms])
        if None in momenta:  # an average of all batches changes its weights with each
            return None
        modes = network.training, *[module.training for module in self.modules]
        places = tuple([tensor.data_ptr() for tensor in self.tensors])
        key = x.shape, x.dtype, drops, torch.is_grad_enabled(), modes, momenta, places
        if key in self.plans:
            self.plans[key] = self.plans.pop(key)  # the last used one is the last one
            return self.plans[key]
        try:
            self.plans[key] = Plan(network, x, drops)
        except Unplanned:
            self.plans[key] = None
        for old in list(self.plans)[:-KEPT]:
            del self.plans[old]
        return self.plans[key]


PLANS: WeakKeyDictionary[Network, Plans] = WeakKeyDictionary()


def replayed(network: Network, x: Tensor, drop: DropPath | None, definition: Callable[..., Results]) -> Results:
    """The results of a network by its plan; by its definition where there is none, and for gradients of images."""
    plan = None
    if not x.requires_grad and (network.training or not torch.is_grad_enabled()):
        plans = PLANS.get(network)
        if plans is None or plans.below is not network.__dict__["_below"]:
            plans = PLANS[network] = Plans(network)
        plan = plans.plan(network, x, drop is not None)
    if plan is None:
        return definition(x, drop)
    factors = None if drop is None else _factors(drop, *plan.masks[1], x.dtype)
    if not torch.is_grad_enabled():
        run = plan.run()
        results = run.forward(x, factors)
        plan.free.append(run)
    else:
        results = _Replayed.apply(plan, x, factors, _Again(network, x, factors), *plan.offsets)
    logits, extra = (*results, None)[:2]
    return logits, extra


def _factors(drop: DropPath, paths: int, images: int, dtype: torch.dtype) -> Tensor:
    """What the paths of the images are multiplied by, drawn as by one call of `drop` for each path."""
    draws = torch.rand(paths * images, generator=drop.generator)
    return ((draws < drop.keep).to(dtype) / drop.keep).view(paths, images)


class _Again(NamedTuple):
    """A forward pass once more, by the definition, for gradients that can be differentiated."""

    network: Network
    x: Tensor
    factors: Tensor | None

    def gradients(self, parameters: tuple[Tensor, ...], given: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
        """Those of `parameters` from those of the results."""
        names = {parameter: name for name, parameter in self.network.named_parameters()}
        state = {name: buffer.clone() for name, buffer in self.network.named_buffers()}
        state |= {names[parameter]: parameter for parameter in parameters}
        rows = iter(() if self.factors is None else self.factors)
        drop = None if self.factors is None else lambda y: y * next(rows).view(-1, 1, 1, 1)
        with BaseTorchFunctionMode(), torch.enable_grad():
            results = functional_call(self.network, state, (self.x, drop))
        known = [(y, g) for y, g in zip(results, given) if y is not None and g is not None]
        results, given = zip(*known)
        return torch.autograd.grad(results, parameters, given, create_graph=True, allow_unused=True)
