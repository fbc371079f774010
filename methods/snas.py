"""SNAS: weights and a concrete distribution over candidates are learnt together, from one loss.

Paper: Xie, Zheng, Liu and Lin, "SNAS: Stochastic Neural Architecture Search", ICLR 2019; details as in
SNAS-Series/SNAS-Series (SNAS/). Every training batch takes one soft sample, softmax((log alpha + Gumbel noise) /
temperature) at every place, and moves weights and alpha by the gradient of the same loss: cross entropy, plus
`cost_weight` times the sample's cost. The result is what the space's rule derives from softmax(alpha) after the last
epoch: in the space of DARTS, two edges per node.

Exact: the concrete distribution and its gradient (the paper's credit assignment), one level, optimizers, initial alpha,
the cost as a sum over candidates with its reparametrised gradient.

Departs from the paper: any space with a supernet can be searched; only the half "train" is used, where the paper's
search has all training images; the temperature falls linearly from 1 to 0.03 (in the public code an option, off by
default); no drop path; cost is counted at the size of the search (thousand multiply-adds or parameters), and only where
it is a sum over decisions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from methods.base import Method, Run
from methods.parts import needs
from methods.parts.costs import Costs, check_metric, option_costs
from spaces.base import Arch, Space

if TYPE_CHECKING:
    from torch import Tensor

    from protocols.parts.optimizers import Optimizer
    from spaces.parts.network import Supernet


@dataclass(frozen=True)
class Snas(Method):
    """`cost`: macs or parameters, in thousands. `cost_weight`: 0 for no cost term."""

    alpha_lr: float = 3e-4
    alpha_betas: tuple[float, float] = (0.5, 0.999)
    alpha_weight_decay: float = 1e-3
    alpha_mean: float = 1.0
    alpha_sd: float = 0.01
    temperature: float = 1.0
    temperature_min: float = 0.03
    lr: float = 0.025
    lr_min: float = 0.001
    momentum: float = 0.9
    weight_decay: float = 3e-4
    clip: float = 5.0
    cost_weight: float = 0.0  # published: 0, and several others. It depends on the unit of the cost
    cost: str = "macs"  # published: parameters, multiply-adds and memory accesses

    def __post_init__(self) -> None:
        check_metric("snas", self.cost)

    def unsupported(self, space: Space) -> str | None:
        return needs.supernet(space) or (needs.costs(space) if self.cost_weight else None)

    def search(self, run: Run) -> Arch:
        import torch

        from methods.parts.bilevel import means
        from methods.parts.collapse import course
        from methods.parts.gumbel import Theta, annealed
        from protocols.parts.optimizers import SGD, Adam, cosine, set_lr

        costs = option_costs(run.space, run.size, self.cost) if self.cost_weight else None
        supernet = run.supernet()
        start = self.alpha_mean + self.alpha_sd * torch.randn(sum(supernet.shape), generator=run.generator)
        alphas = Theta(supernet.shape, start).to(run.device)
        weight_optimizer = SGD(supernet.parameters(), self.lr, self.momentum, self.weight_decay)
        alpha_optimizer = Adam(
            alphas.parameters(), self.alpha_lr, self.alpha_betas, weight_decay=self.alpha_weight_decay
        )
        optimizers = weight_optimizer, alpha_optimizer
        state = {"weight_optimizer": weight_optimizer, "alpha_optimizer": alpha_optimizer}
        for epoch in run.epochs(supernet=supernet, alphas=alphas, **state):
            lr = cosine(self.lr, self.lr_min, epoch, run.budget.epochs)
            set_lr(weight_optimizer, lr)
            temperature = annealed(self.temperature, self.temperature_min, epoch, run.budget.epochs)
            steps = means(
                self.step(supernet, optimizers, alphas.relaxed(temperature, run.generator), batch, costs)
                for batch in run.batches("train")
            )
            mix = alphas.probabilities()
            run.log(**steps, **course(run.space.candidates, mix), temperature=temperature, lr=lr)
        return supernet.derive(alphas.probabilities())

    def step(
        self,
        supernet: Supernet,
        optimizers: tuple[Optimizer, Optimizer],
        mix: list[Tensor],
        batch: tuple[Tensor, Tensor],
        costs: Costs | None,
    ) -> dict[str, float]:
        """One step of weights and alpha, whose optimizers are given in this order, on a batch with the sample `mix`.
        Returns what is logged, from before the step."""
        from methods.parts.bilevel import joint_step
        from methods.parts.gumbel import expected_cost

        cost = expected_cost(mix, costs) if costs else None
        penalty = 0.0 if cost is None else self.cost_weight * cost
        loss, accuracy = joint_step(supernet, optimizers, mix, batch, self.clip, lambda entropy: entropy + penalty)
        found = {"train_loss": loss, "train_accuracy": accuracy}
        return found if cost is None else {**found, "cost": cost.item()}
