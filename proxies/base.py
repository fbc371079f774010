"""What a proxy is: a number that an untrained network gets, in the hope that it ranks architectures.

Every proxy is an entry of the folder `proxies/`: a file `name.py` with the class of the same name in CamelCase, a
frozen dataclass derived from `Proxy`. `base` and `parts` are no entries. The file's docstring says what is computed,
names the source, and has a sentence that begins with "Departs from".

Importing a proxy must not import torch, so that planning stays instant: `proxies.parts` is imported inside `score`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

__all__ = ["Proxy", "Reduced", "rank_sums"]


@dataclass(frozen=True)
class Proxy(ABC):
    """A proxy. Its fields are its constants; the defaults are those of the source."""

    terms: ClassVar[tuple[str, ...]] = ()
    """The proxies whose ranks this one adds up (`rank_sums`); its own score is NaN then."""

    def reduction(self) -> Mapping[str, float]:
        """Of a training whose validation accuracy is the score: by which fractions its epochs, channels, resolution and
        samples are reduced. Empty where an untrained network is scored (the default)."""
        return {}

    @abstractmethod
    def score(self, network: nn.Module, batch: tuple[Tensor, Tensor], generator: torch.Generator) -> float:
        """The score of a network; a larger one promises a better architecture. NaN where the definition has none.

        network: fresh, in its plain form, not fused. Its weights stay as they are; its mode becomes training mode, and
        the running averages of batch normalisation may move. batch: images (n, inputs, image, image) in the type of
        the weights, labels int64 (n,). generator: the source of randomness of proxies that draw, on the CPU.
        """


@dataclass(frozen=True)
class Reduced(Proxy):
    """A reduced training (EcoNAS, Zhou et al., CVPR 2020). Its fields are the fractions of an evaluation of the
    protocol, each of epochs, channels, resolution, samples. It is asked as an evaluation, and costs what it costs."""

    def reduction(self) -> Mapping[str, float]:
        return asdict(self)

    def score(self, network: nn.Module, batch: tuple[Tensor, Tensor], generator: torch.Generator) -> float:
        raise TypeError("a reduced training is not scored by one batch: ask for an evaluation at its `reduction`")


def rank_sums(columns: Sequence[Sequence[float]]) -> list[float]:
    """For each of n candidates the sum over columns of ln(rank / n): the largest value has rank n, equal ones share the
    mean of their ranks, NaN is below all others. 0 for a candidate that is best by every column."""
    totals = [0.0] * len(columns[0])
    for column in columns:
        values = [-math.inf if math.isnan(value) else value for value in column]
        ordered = sorted(values)
        for i, value in enumerate(values):
            rank = (bisect_left(ordered, value) + bisect_right(ordered, value) + 1) / 2
            totals[i] += math.log(rank / len(values))
    return totals
