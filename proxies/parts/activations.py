"""What modules see and give during a forward pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn


@contextmanager
def outputs(network: nn.Module, modules: Sequence[Any]) -> Iterator[list[tuple[Any, Tensor]]]:
    """(module, output) for every call of modules of a network, in the order of the calls. Where a part of the network
    works in place, what follows gets a copy, so that it does not change what was seen."""
    seen: list[tuple[Any, Tensor]] = []
    copied = any(getattr(module, "inplace", False) for module in network.modules())

    def keep(module: nn.Module, _: Any, output: Tensor) -> Tensor | None:
        seen.append((module, output))
        return output.clone() if copied else None

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
