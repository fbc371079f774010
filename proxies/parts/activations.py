"""What modules see and give during a forward pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn


@contextmanager
def outputs(modules: Sequence[Any]) -> Iterator[list[tuple[Any, Tensor]]]:
    """(module, output) for every call, in the order of the calls. What follows works on a copy, so that an operation in
    place does not change what was seen."""
    seen: list[tuple[Any, Tensor]] = []

    def keep(module: nn.Module, _: Any, output: Tensor) -> Tensor:
        seen.append((module, output))
        return output.clone()

    handles = [module.register_forward_hook(keep) for module in modules]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def inputs(modules: Sequence[nn.Module], keep: Any) -> Iterator[None]:
    """Calls `keep` with the first input of every call of the modules, before the module may change it in place."""
    handles = [module.register_forward_pre_hook(lambda _, given: keep(given[0])) for module in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
