"""Architecture parameters of DARTS-: skip connections have an additional weight, outside the softmax."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from methods.parts.architect import Alphas

SKIP = "skip_connect"


class AuxiliarySkip(Alphas):
    """`beta` is added to the weight of the skip connection, at each place that has one.

    An edge gives sum_i softmax(alpha)_i op_i(x) + beta skip(x): DARTS' mixture with a larger weight for one candidate.
    """

    def __init__(self, candidates: Sequence[Sequence[str]], generator: torch.Generator):
        """candidates: their names at each place."""
        super().__init__([len(names) for names in candidates], generator)
        self.beta = 0.0
        self.skips = [torch.tensor([float(name == SKIP) for name in names]) for names in candidates]

    def mix(self) -> list[Tensor]:
        return [weights + self.beta * skip.to(weights) for weights, skip in zip(self.probabilities(), self.skips)]

    def probabilities(self) -> list[Tensor]:
        """The softmax alone: what an architecture is derived from."""
        return super().mix()
