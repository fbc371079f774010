"""SqueezeNAS-style: FBNet's search with a path mixture for each image, and a result within a hard budget of cost.

Paper: Shaw, Hunter, Iandola and Sidhu, "SqueezeNAS: Fast Neural Architecture Search for Faster Semantic Segmentation",
ICCV Workshops 2019; details as in ashaw596/squeezenas (search/arch_search.py), which has the supernetwork and its
gates but no training loop; hence "-style". Weights and architecture alternate as in FBNet. Every image of a batch has a
Gumbel-softmax sample of its own at every layer; the cost of a batch is the mean over its images. Architectures drawn
from the learnt distribution are compared by their accuracy with the shared weights.

Exact: a mixture for each image, logits that start at one, additive cost from a latency table of the target device or
from counted operations, results drawn from the distribution.

Departs from the paper: image classification instead of segmentation of Cityscapes; any layer-wise space whose layers
add their candidates, and that of NAS-Bench-201. Temperatures, optimizers, alternation and warm-up are FBNet's, because
the public code leaves them to its caller. The loss, cross entropy plus `cost_weight` times cost / budget, is ours.
Whatever is drawn beyond the budget is brought within it: one decision after another takes the cheaper option that loses
least probability per cost saved.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from methods.base import Run
from methods.fbnet import Fbnet
from methods.parts.costs import Costs, mean_cost, option_costs, path_cost
from spaces.base import Arch, Space, UserError
from spaces.single_path.space import SinglePath

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Generator, Tensor

    from methods.parts.gumbel import Theta
    from spaces.parts.network import Supernet


@dataclass(frozen=True)
class Squeezenas(Fbnet):
    """`budget`: the most that the result may cost at the size of the search, in the unit of `cost`: thousands, or
    microseconds of a `latency_table`. `alpha`, `beta` and `latency_form` of FBNet's loss are not used."""

    budget: float | None = None  # published: 35 or 100 milliseconds of a Jetson. None: the mean cost of the space
    cost_weight: float = 0.1  # published: unknown to us

    def unsupported(self, space: Space) -> str | None:
        if isinstance(space, SinglePath):
            return "its images have mixes of their own, and the supernet of this space masks kernels for all of them"
        return super().unsupported(space)

    def costs(self, run: Run) -> Costs:
        """UserError where nothing is within the budget."""
        constant, table = costs = option_costs(run.space, run.size, self.cost, self.latency_table)
        cheapest = constant + sum(map(min, table))
        if cheapest > self.budget_of(costs):
            raise UserError(
                f"squeezenas: budget {self.budget:g} is below the cheapest network's {cheapest:g}: raise it"
            )
        return costs

    def budget_of(self, costs: Costs) -> float:
        return mean_cost(costs) if self.budget is None else self.budget

    def theta(self, supernet: Supernet) -> Theta:
        import torch

        from methods.parts.gumbel import Theta

        return Theta(supernet.shape, torch.ones(sum(supernet.shape)))

    def sample(self, theta: Theta, temperature: float, generator: Generator, images: int) -> list[Tensor]:
        return theta.relaxed_per_image(temperature, images, generator)

    def penalised(self, cross_entropy: Tensor, cost: Tensor, costs: Costs) -> Tensor:
        return cross_entropy + self.cost_weight * cost / self.budget_of(costs)

    def candidates(self, run: Run, supernet: Supernet, theta: Theta) -> list[Arch]:
        """Those of FBNet, each brought within the budget."""
        costs, odds = self.costs(run), [p.tolist() for p in theta.probabilities()]
        found = (within(self.budget_of(costs), arch, odds, costs) for arch in super().candidates(run, supernet, theta))
        return list(dict.fromkeys(found))


def within(budget: float, arch: Arch, odds: Sequence[Sequence[float]], costs: Costs) -> Arch:
    """The architecture, or one that costs at most `budget`: as long as it costs more, the decision and the cheaper
    option that lose least log probability per cost saved. odds: the probability of each option at each decision."""
    _, table = costs
    while path_cost(costs, arch) > budget:
        changes = [
            (math.log(max(row[now], 1e-30) / max(row[k], 1e-30)) / (prices[now] - prices[k]), i, k)
            for i, (now, row, prices) in enumerate(zip(arch, odds, table))
            for k in range(len(row))
            if prices[k] < prices[now]
        ]
        _, i, k = min(changes)
        arch = (*arch[:i], k, *arch[i + 1 :])
    return arch
