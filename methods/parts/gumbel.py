"""Architecture parameters that are sampled by the Gumbel-softmax, softly or hard, and the expected cost of samples."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from methods.parts.costs import Costs


class Theta(nn.Module):
    """One logit for each candidate of each place."""

    def __init__(self, shape: Sequence[int], logits: Tensor | None = None):
        """shape: the number of candidates at each place. logits: (sum of shape,), those of all places to start with; by
        default all have the same value (AnnaAraslanova/FBNet: 1/9)."""
        super().__init__()
        self.shape = list(shape)
        self.logits = nn.Parameter(torch.full((sum(shape),), 1.0 / max(shape)) if logits is None else logits)

    def rows(self) -> list[Tensor]:
        """The logits of each place."""
        return list(self.logits.split(self.shape))

    def probabilities(self) -> list[Tensor]:
        """The probability of each candidate: one vector per place."""
        return [row.softmax(0) for row in self.rows()]

    def gates(self) -> list[Tensor]:
        """The sigmoid of each logit: one vector per place, whose entries do not compete."""
        return [row.sigmoid() for row in self.rows()]

    def relaxed(self, temperature: float, generator: torch.Generator) -> list[Tensor]:
        """One soft sample as a mix: softmax((logits + Gumbel noise) / temperature) at each place."""
        noise = -torch.empty(self.logits.shape).exponential_(generator=generator).log()
        noisy = (self.logits + noise.to(self.logits)) / temperature
        return [row.softmax(0) for row in noisy.split(self.shape)]

    def relaxed_per_image(self, temperature: float, images: int, generator: torch.Generator) -> list[Tensor]:
        """A soft sample for each image of a batch: at each place (candidates, images, 1, 1, 1)."""
        noise = -torch.empty(len(self.logits), images).exponential_(generator=generator).log()
        noisy = (self.logits[:, None] + noise.to(self.logits)) / temperature
        return [row.softmax(0)[..., None, None, None] for row in noisy.split(self.shape)]

    def one_hot(self, temperature: float, generator: torch.Generator) -> list[Tensor]:
        """One hard sample as a mix: 1 for the heaviest candidate of a soft sample p, exactly 0 for the others. The 1
        has the gradient of its p, the zeros have none (GDAS, eq. 7; D-X-Y/AutoDL-Projects, search_cells.py)."""
        return [_straight_through(row) for row in self.relaxed(temperature, generator)]


def _straight_through(soft: Tensor) -> Tensor:
    chosen = torch.zeros_like(soft)
    chosen[soft.argmax()] = 1.0
    return chosen * (1.0 + (soft - soft.detach()))


def annealed(first: float, last: float, epoch: int, epochs: int) -> float:
    """The temperature of an epoch (from 0) of a search of `epochs`, on a line from `first` to `last`, which is that of
    the last epoch."""
    return first + (last - first) * epoch / max(epochs - 1, 1)


def expected_cost(mix: Sequence[Tensor], costs: Costs) -> Tensor:
    """The constant plus the sum of all options' costs, weighted by the mix (Eq. 5): the mean cost of paths that are
    drawn place by place; of a mix for each image, the mean over images. In the unit of `costs`; a scalar with
    gradient."""
    constant, table = costs
    flat = torch.cat([row if row.dim() == 1 else row.flatten(1).mean(1) for row in mix])
    return constant + flat @ flat.new_tensor([cost for row in table for cost in row])
