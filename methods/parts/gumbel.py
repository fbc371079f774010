"""Architecture parameters that are sampled by the Gumbel-softmax, and the expected cost of what they sample."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from methods.parts.costs import Costs


class Theta(nn.Module):
    """One logit for each candidate of each place. All start with the same value (AnnaAraslanova/FBNet: 1/9)."""

    def __init__(self, shape: Sequence[int]):
        """shape: the number of candidates at each place."""
        super().__init__()
        self.shape = list(shape)
        self.logits = nn.Parameter(torch.full((sum(shape),), 1.0 / max(shape)))

    def _softmax(self, logits: Tensor) -> list[Tensor]:
        return [place.softmax(0) for place in logits.split(self.shape)]

    def probabilities(self) -> list[Tensor]:
        """The probability of each candidate: one vector per place."""
        return self._softmax(self.logits)

    def relaxed(self, temperature: float, generator: torch.Generator) -> list[Tensor]:
        """One soft sample as a mix: softmax((logits + Gumbel noise) / temperature) at each place."""
        noise = -torch.empty(self.logits.shape).exponential_(generator=generator).log()
        return self._softmax((self.logits + noise.to(self.logits)) / temperature)


def expected_cost(mix: Sequence[Tensor], costs: Costs) -> Tensor:
    """The constant plus the sum of all options' costs, weighted by the mix (Eq. 5): the mean cost of paths that are
    drawn place by place. In the unit of `costs`; a scalar with gradient."""
    constant, table = costs
    flat = torch.cat(list(mix))
    return constant + flat @ flat.new_tensor([cost for row in table for cost in row])
