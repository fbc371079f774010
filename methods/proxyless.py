"""ProxylessNAS: one path at a time, whose binary gates learn by gradient or by REINFORCE, with a cost in the loss.

Paper: Cai, Zhu and Han, "ProxylessNAS: Direct Neural Architecture Search on Target Task and Hardware", ICLR 2019;
details as in mit-han-lab/proxylessnas (search/). Every training batch trains one path, drawn from the probabilities of
the candidates. After a warm-up, every `every` such steps are followed by an architecture step on a random validation
batch. The result is what the space's rule derives from the probabilities after the last epoch.

`gates`: "full_v2" gives every candidate of a place its gradient, "two" those of two that are drawn, whose probability
together stays what it was. `cost_form`: "add_linear" adds `cost_weight` (E - R) / R to the cross entropy, where E is
the expected cost and R the `reference`; "mul_log" multiplies it by `mul_alpha` (ln E / ln R)^`mul_beta`.
`algorithm: reinforce` moves the probabilities by the rewards of `samples` paths instead, accuracy (R / cost)^`tradeoff`
on one validation batch, against a moving average of their means.

Exact: gates and their gradients, the rescaling, both forms of the cost, the reward, optimizers (with beta1 = 0, so that
candidates that did not take part do not move), learning rates of warm-up and search.

Departs from the paper: any space with a supernet can be searched; warm-up and search have shares of the protocol's
epochs (40 and 120 in the public code); architecture steps compute all candidates, with exact zeros for those that do
not take part, which changes time and memory only; gradients are clipped; there is no cost term by default; R is the
mean cost of the space unless it is given. The public code takes no architecture step at a place where a zero operation
is active, and its baseline moves by 0.99 of the difference, hardly an average: here all places step, and 0.99 is what
the baseline keeps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from methods.base import Method, Run
from methods.parts import needs
from methods.parts.costs import Costs, check_metric, mean_cost, option_costs, path_cost, read_latency_table
from spaces.base import Arch, Space, UserError

if TYPE_CHECKING:
    from torch import Tensor

    from methods.parts.binary_gates import Gates, PathPolicy
    from methods.parts.gumbel import Theta
    from protocols.parts.optimizers import Optimizer
    from spaces.parts.network import Supernet


@dataclass(frozen=True)
class Proxyless(Method):
    """`cost`: macs or parameters, in thousands. `latency_table`: a JSON file of microseconds, used instead of
    `cost`."""

    gates: str = "full_v2"
    algorithm: str = "gradient"  # or reinforce
    every: int = 5  # weight steps for one architecture step
    alpha_lr: float = 1e-3
    alpha_betas: tuple[float, float] = (0.0, 0.999)
    alpha_sd: float = 1e-3
    warmup: float = 0.25  # fraction of the epochs that trains weights only; 40 of 160
    warmup_lr: float = 0.05
    lr: float = 0.025
    momentum: float = 0.9  # Nesterov's
    weight_decay: float = 4e-5
    label_smoothing: float = 0.1
    clip: float = 5.0  # published: none
    cost_form: str | None = None  # published: add_linear, in the public code mul_log
    cost_weight: float = 0.1
    mul_alpha: float = 0.2
    mul_beta: float = 0.3
    reference: float | None = None  # published: 80 milliseconds of a Pixel 1. None: the mean cost of the space
    cost: str = "macs"  # published: milliseconds of a phone
    latency_table: str | None = None
    samples: int = 10  # of a step of REINFORCE
    tradeoff: float = 0.1  # of its reward, with a `cost_form`
    baseline_decay: float = 0.99

    def __post_init__(self) -> None:
        for field, known in (
            ("gates", ("full_v2", "two")),
            ("algorithm", ("gradient", "reinforce")),
            ("cost_form", (None, "add_linear", "mul_log")),
        ):
            if getattr(self, field) not in known:
                told = ", ".join(name or "null" for name in known)
                raise UserError(f"proxyless: {field} is {getattr(self, field)!r}; use one of {told}")
        check_metric("proxyless", self.cost, table=True)

    def unsupported(self, space: Space) -> str | None:
        reason = needs.supernet(space) or (needs.costs(space) if self.cost_form else None)
        if reason is None and self.latency_table is not None:
            read_latency_table(self.latency_table)
        return reason

    def files(self) -> list[str]:
        return [self.latency_table] if self.latency_table else []

    def search(self, run: Run) -> Arch:
        import torch

        from methods.parts.bilevel import means
        from methods.parts.binary_gates import PathPolicy
        from methods.parts.collapse import course
        from methods.parts.gumbel import Theta
        from protocols.parts.optimizers import SGD, Adam, set_lr

        costs = option_costs(run.space, run.size, self.cost, self.latency_table) if self.cost_form else None
        supernet = run.supernet()
        start = self.alpha_sd * torch.randn(sum(supernet.shape), generator=run.generator)
        theta = Theta(supernet.shape, start).to(run.device)
        weights = SGD(supernet.parameters(), self.lr, self.momentum, self.weight_decay, nesterov=True)
        architecture = Adam(theta.parameters(), self.alpha_lr, self.alpha_betas)
        policy = PathPolicy(theta, architecture, self.baseline_decay)
        state = {"weight_optimizer": weights, "alpha_optimizer": architecture, "policy": policy}
        for epoch in run.epochs(supernet=supernet, theta=theta, **state):
            lr, warm = self.lr_at(epoch, run.budget.epochs)
            set_lr(weights, lr)
            trained, moved = [], []
            for i, batch in enumerate(run.batches("train"), 1):
                trained.append(self._weight_step(run, supernet, theta, weights, batch))
                if not warm and i % self.every == 0:
                    step = self._reinforce if self.algorithm == "reinforce" else self._descend
                    moved.append(step(run, supernet, policy, costs))
            run.log(**means(trained), **(means(moved) if moved else {}), lr=lr)
            run.log(**course(run.space.candidates, theta.probabilities()))
        return supernet.derive(theta.probabilities())

    def lr_at(self, epoch: int, epochs: int) -> tuple[float, bool]:
        """(learning rate of the weights, whether it is the warm-up) in an epoch of a search of `epochs`. Warm-up and
        search each have half a cosine of their own, down to 0."""
        from protocols.parts.optimizers import cosine

        warm = round(self.warmup * epochs)
        if epoch < warm:
            return cosine(self.warmup_lr, 0.0, epoch, warm), True
        return cosine(self.lr, 0.0, epoch - warm, epochs - warm), False

    def _weight_step(
        self, run: Run, supernet: Supernet, theta: Theta, optimizer: Optimizer, batch: tuple[Tensor, Tensor]
    ) -> dict[str, float]:
        """A step of the weights of one path; returns what is logged."""
        from methods.parts.bilevel import weight_step
        from methods.parts.binary_gates import binary_gates

        mix = binary_gates(theta, "full_v2", run.generator).mix
        loss, accuracy = weight_step(supernet, optimizer, mix, batch, self.clip, self.label_smoothing)
        return {"train_loss": loss, "train_accuracy": accuracy}

    def _descend(self, run: Run, supernet: Supernet, policy: PathPolicy, costs: Costs | None) -> dict[str, float]:
        """A step of the probabilities along the gradient of their gates; returns what is logged."""
        from methods.parts.bilevel import architecture_step
        from methods.parts.binary_gates import binary_gates, rescale
        from methods.parts.gumbel import expected_cost

        theta = policy.theta
        batch, before = run.batch("val"), theta.logits.detach().clone()
        gates = binary_gates(theta, self.gates, run.generator)
        cost = expected_cost(gates.probabilities, costs) if costs else None
        loss, accuracy = architecture_step(
            supernet, policy.optimizer, gates.mix, batch, lambda entropy: self.loss(entropy, cost, costs)
        )
        rescale(theta, before, gates.drawn)
        return {"val_loss": loss, "val_accuracy": accuracy, **({} if cost is None else {"expected_cost": cost.item()})}

    def loss(self, cross_entropy: Tensor, cost: Tensor | None, costs: Costs | None) -> Tensor:
        """Of the architecture, from the expected cost if there is one; scalars."""
        if cost is None or costs is None:
            return cross_entropy
        reference = self.reference_of(costs)
        if self.cost_form == "add_linear":
            return cross_entropy + self.cost_weight * (cost - reference) / reference
        return cross_entropy * self.mul_alpha * (cost.log() / math.log(reference)) ** self.mul_beta

    def reference_of(self, costs: Costs) -> float:
        """R: as given, or the mean cost of all architectures."""
        return self.reference or mean_cost(costs)

    def _reinforce(self, run: Run, supernet: Supernet, policy: PathPolicy, costs: Costs | None) -> dict[str, float]:
        """A step of the probabilities along rewards; returns what is logged."""
        from methods.parts.bilevel import accuracy

        batch = run.batch("val", augment=False)

        def reward(gates: Gates) -> float:
            share = accuracy(supernet, [row.detach() for row in gates.mix], [batch])
            return (
                share * (self.reference_of(costs) / path_cost(costs, gates.active)) ** self.tradeoff if costs else share
            )

        return {"reward": policy.learn(self.samples, reward, run.generator)}
