"""Proxies that read the same passes of a network over its batch, so that several cost little more than one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from proxies.base import Proxy

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from proxies.parts.passes import Passes


@dataclass(frozen=True)
class Shared(Proxy):
    order: ClassVar[int] = 1
    """Of the derivatives that it reads: 0, 1 or 2."""

    @abstractmethod
    def of(self, passes: Passes) -> float:
        """The score, from passes that other proxies may have read before."""

    def score(self, network: nn.Module, batch: tuple[Tensor, Tensor], generator: torch.Generator) -> float:
        from proxies.parts.passes import Passes

        return self.of(Passes(network, batch, self.order))


def together(
    proxies: Sequence[Proxy],
    network: nn.Module,
    batch: tuple[Tensor, Tensor],
    generator: Callable[[], torch.Generator],
) -> Iterator[float]:
    """The score of one network by each proxy in turn. Those that are `Shared` read the same passes, so that the first
    of them takes the time of what the others find done. `generator` gives each of the rest its own."""
    from proxies.parts.passes import Passes

    order = max((proxy.order for proxy in proxies if isinstance(proxy, Shared)), default=0)
    passes: Passes | None = None
    for proxy in proxies:
        if isinstance(proxy, Shared):
            passes = passes or Passes(network, batch, order)
            yield proxy.of(passes)
        else:
            yield proxy.score(network, batch, generator())
