"""Architecture parameters that are sampled by the Gumbel-softmax, and the cost they lead to one to expect."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from methods.parts.costs import Costs


class Theta(nn.Module):
    """One logit for each candidate of each place; all equal at first (AnnaAraslanova/FBNet: 1/9)."""

    def __init__(self, shape: Sequence[int]):
        super().__init__()
        self.shape = list(shape)
        self.logits = nn.Parameter(torch.full((sum(shape),), 1.0 / max(shape)))

    def _softmax(self, logits: Tensor) -> list[Tensor]:
        return [place.softmax(0) for place in logits.split(self.shape)]

    def probabilities(self) -> list[Tensor]:
        return self._softmax(self.logits)

    def relaxed(self, temperature: float, generator: torch.Generator) -> list[Tensor]:
        """Soft samples: softmax((logits + Gumbel noise) / temperature)."""
        noise = -torch.empty(self.logits.shape).exponential_(generator=generator).log()
        return self._softmax((self.logits + noise.to(self.logits)) / temperature)


def expected_cost(mix: Sequence[Tensor], costs: Costs) -> Tensor:
    """Constant plus the sum of costs weighted by the mixture: the mean over paths drawn place by place (Eq. 5)."""
    constant, table = costs
    flat = torch.cat(list(mix))
    return constant + flat @ flat.new_tensor([cost for row in table for cost in row])
