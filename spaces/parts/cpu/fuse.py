"""The one door to the fast path: `fuse(network)` gives modules their faster forms, `unfuse` takes them away again.

Networks and supernets are defined in plain PyTorch. A faster form of a module is a class that derives from `Fused` and
from the definition and computes the same with the definition's own parameters and submodules:

    class FastCell(Fused, Cell):
        def fast(self, x): ...

Forms stand in a file `fused.py` beside the definitions that they replace, where `fuse` finds them. To fuse a module is
to change its class, so names, shapes and values of its state stay what they are, and optimizers keep their parameters.
"""

from __future__ import annotations

import importlib.util
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.modules import module as torch_module

from spaces.parts.cpu.kernels import usable

Module = TypeVar("Module", bound=nn.Module)

FORMS: dict[type[nn.Module], type[Fused]] = {}
"""The faster form of each definition, of the files that have been imported."""


class Fused(nn.Module):
    """A faster form. Where it cannot run or must not (see `runs`), the definition's `forward` does."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        _, definition, *_ = cls.__bases__
        FORMS[definition] = cls

    def fast(self, *arguments: Any) -> Any:
        """The result of the definition's `forward`, for the same arguments. The first one is maps (images, channels,
        height, width)."""
        raise NotImplementedError

    def prepare(self) -> Any:
        """What `fast` wants to look up once: `fuse` keeps it as `_prepared`. No tensors: these may be replaced."""
        return None

    def forward(self, *arguments: Any) -> Any:
        return self.fast(*arguments) if runs(self, arguments[0]) else super().forward(*arguments)


def fuse(network: Module) -> Module:
    """Gives every module of a network its faster form, where there is one, in place."""
    parts = list(network.modules())
    for package in sorted({type(part).__module__.rpartition(".")[0] for part in parts}):
        if package.partition(".")[0] == "spaces" and importlib.util.find_spec(f"{package}.fused"):
            importlib.import_module(f"{package}.fused")
    for part in parts:
        part.__class__ = FORMS.get(type(part), type(part))
    for part in parts:
        if isinstance(part, Fused):
            part.__dict__["_below"] = [hooks for below in list(part.modules())[1:] for hooks in _hooks(below)]
            part.__dict__["_prepared"] = part.prepare()
    return network


def unfuse(network: Module) -> Module:
    """Gives every module its definition again, in place."""
    for part in network.modules():
        if isinstance(part, Fused):
            part.__class__ = type(part).__bases__[1]
            del part.__dict__["_below"], part.__dict__["_prepared"]
    return network


def runs(form: Fused, x: Tensor) -> bool:
    """Whether a faster form may compute for maps like x: the kernels are usable for x, and nobody looks at the modules
    inside or at the operations: no hooks, profiler, tracer, exporter or transformation of torch's."""
    return not _watched() and not any(form._below) and usable(x)


def _hooks(part: nn.Module) -> list[dict[int, Any]]:
    return [part._forward_hooks, part._forward_pre_hooks, part._backward_hooks, part._backward_pre_hooks]


def _watched() -> bool:
    """Whether hooks of all modules, a profiler, a tracer, a mode (a flop counter, an exporter) or a transformation
    (vmap, forward derivatives) is active."""
    return (
        torch.compiler.is_compiling()
        or torch_module._has_any_global_hook()
        or torch._C._autograd._profiler_enabled()
        or torch._C._get_tracing_state() is not None
        or torch._C._len_torch_dispatch_stack() > 0
        or torch._C._len_torch_function_stack() > 0
        or torch._C._functorch.peek_interpreter_stack() is not None
        or forward_ad._current_level >= 0
    )
