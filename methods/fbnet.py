"""FBNet: gradient descent on the parameters of a Gumbel-softmax over blocks, with a differentiable cost term.

Paper: Wu et al., FBNet: hardware-aware efficient ConvNet design via differentiable neural architecture search (CVPR
2019, arXiv 1812.03443). Values that the paper leaves open are those of AnnaAraslanova/FBNet.

Exact: space and blocks (checked against the published networks' sizes), Gumbel-softmax mixture, additive cost, both
published forms of the loss, temperature over 90 epochs, alternation after a warm-up, optimizers.

Departs from the paper: temperature and warm-up depend on the fraction of the search that is done, so that a search of
any length sees the whole schedule (the paper's 90 epochs go from 5 to 0.09); cost is counted (thousand multiply-adds)
unless a latency table is given; gradients are clipped; weights and architecture have half of the training data each,
instead of 80 and 20%; the sampled architectures are compared by their accuracy with the shared weights instead of after
a training of each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from methods.base import Method, Run
from methods.parts import needs
from methods.parts.costs import Costs, check_metric, option_costs, read_latency_table
from spaces.base import Arch, Space, UserError

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from methods.parts.gumbel import Theta
    from protocols.parts.optimizers import Optimizer
    from spaces.parts.network import Supernet


@dataclass(frozen=True)
class Fbnet(Method):
    """`cost`: macs or parameters, in thousands. `latency_table`: a JSON file of microseconds, used instead of `cost`.

    `latency_form`: pow_log is the paper's loss alpha CE (ln COST)^beta, log_pow the public code's alpha CE
    ln(COST^beta). Neither is defined for a COST of 1 or less, so the unit must make every cost larger than 1.
    """

    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4
    clip: float = 5.0  # published: none
    theta_lr: float = 0.01
    theta_weight_decay: float = 5e-4
    temperature: float = 5.0
    temperature_decay: float = 0.045  # per epoch of a search of `schedule_epochs`
    schedule_epochs: int = 90
    warmup: float = 1 / 9  # fraction of the epochs that trains weights only
    alpha: float = 0.2
    beta: float = 0.6
    latency_form: str = "pow_log"
    cost: str = "macs"  # published: microseconds of a phone
    latency_table: str | None = None

    def __post_init__(self) -> None:
        name = type(self).__module__.rpartition(".")[2]
        if self.latency_form not in ("pow_log", "log_pow"):
            raise UserError(f"{name}: unknown latency_form {self.latency_form!r}; use pow_log or log_pow")
        check_metric(name, self.cost, table=True)

    def unsupported(self, space: Space) -> str | None:
        reason = needs.supernet(space) or needs.costs(space)
        if reason is None and self.latency_table is not None:
            read_latency_table(self.latency_table)
        return reason

    def files(self) -> list[str]:
        return [self.latency_table] if self.latency_table else []

    def search(self, run: Run) -> Arch:
        import torch

        from methods.parts.collapse import course
        from methods.parts.gumbel import expected_cost
        from protocols.parts.optimizers import SGD, Adam, cosine, set_lr

        costs = self.costs(run)
        supernet = run.supernet()
        theta = self.theta(supernet).to(run.device)
        weight_optimizer = SGD(supernet.parameters(), self.lr, self.momentum, weight_decay=self.weight_decay)
        theta_optimizer = Adam(theta.parameters(), self.theta_lr, weight_decay=self.theta_weight_decay)
        warmup_epochs = round(self.warmup * run.budget.epochs)
        state = {"weight_optimizer": weight_optimizer, "theta_optimizer": theta_optimizer}
        for epoch in run.epochs(supernet=supernet, theta=theta, **state):
            set_lr(weight_optimizer, cosine(self.lr, 0.0, epoch, run.budget.epochs))
            temperature = self.temperature_at(epoch, run.budget.epochs)
            train_loss, train_accuracy = self.train_weights(run, supernet, theta, weight_optimizer, temperature)
            optimizer = theta_optimizer if epoch >= warmup_epochs else None
            val_loss, val_accuracy = self.train_theta(run, supernet, theta, optimizer, temperature, costs)
            with torch.no_grad():
                mix = theta.probabilities()
                run.log(
                    train_loss=train_loss,
                    train_accuracy=train_accuracy,
                    val_loss=val_loss,
                    val_accuracy=val_accuracy,
                    expected_cost=expected_cost(mix, costs).item(),
                    **course(run.space.candidates, mix, "entropy"),
                    temperature=temperature,
                    lr=weight_optimizer.param_groups[0]["lr"],
                )
        return self.choose(run, supernet, theta)

    def theta(self, supernet: Supernet) -> Theta:
        """The architecture parameters to start with."""
        from methods.parts.gumbel import Theta

        return Theta(supernet.shape)

    def sample(self, theta: Theta, temperature: float, generator: Generator, images: int) -> list[Tensor]:
        """The mix of a batch of so many images."""
        return theta.relaxed(temperature, generator)

    def costs(self, run: Run) -> Costs:
        """The costs of the space's options at the size of the search. UserError where a network can cost 1 or less."""
        constant, table = option_costs(run.space, run.size, self.cost, self.latency_table)
        cheapest = constant + sum(min(row) for row in table)
        if cheapest <= 1:
            raise UserError(
                f"fbnet: the cheapest network costs {cheapest:g}: the logarithm needs a unit that makes it > 1"
            )
        return constant, table

    def temperature_at(self, epoch: int, epochs: int) -> float:
        """The temperature of the Gumbel-softmax in an epoch of a search of `epochs`."""
        return self.temperature * math.exp(-self.temperature_decay * self.schedule_epochs * epoch / epochs)

    def loss(self, cross_entropy: Tensor, cost: Tensor) -> Tensor:
        """Eq. 2 of the paper, or the public code's form; both arguments and the result are scalars."""
        if self.latency_form == "pow_log":
            return self.alpha * cross_entropy * cost.log() ** self.beta
        return self.alpha * cross_entropy * self.beta * cost.log()

    def penalised(self, cross_entropy: Tensor, cost: Tensor, costs: Costs) -> Tensor:
        """The loss of theta; `costs`: those that the expected cost was computed from."""
        return self.loss(cross_entropy, cost)

    def train_weights(
        self, run: Run, supernet: Supernet, theta: Theta, optimizer: Optimizer, temperature: float
    ) -> tuple[float, float]:
        """One epoch of the shared weights; returns (mean loss, accuracy)."""
        from methods.parts.bilevel import weight_step

        steps = [
            weight_step(
                supernet, optimizer, self.sample(theta, temperature, run.generator, len(batch[1])), batch, self.clip
            )
            for batch in run.batches("train")
        ]
        return fmean(loss for loss, _ in steps), fmean(share for _, share in steps)

    def train_theta(
        self, run: Run, supernet: Supernet, theta: Theta, optimizer: Optimizer | None, temperature: float, costs: Costs
    ) -> tuple[float, float]:
        """One epoch of theta on validation images, which without an optimizer does not change; returns (mean cross
        entropy, accuracy)."""
        from methods.parts.bilevel import architecture_step
        from methods.parts.gumbel import expected_cost

        def step(batch: tuple[Tensor, Tensor]) -> tuple[float, float]:
            mix = self.sample(theta, temperature, run.generator, len(batch[1]))
            return architecture_step(
                supernet,
                optimizer,
                mix,
                batch,
                lambda entropy: self.penalised(entropy, expected_cost(mix, costs), costs),
            )

        losses, shares = zip(*map(step, run.batches("val")))
        return fmean(losses), fmean(shares)

    def choose(self, run: Run, supernet: Supernet, theta: Theta) -> Arch:
        """The most accurate of `candidates` on the validation half, with the shared weights."""
        from methods.parts.paths import most_accurate

        return most_accurate(run, supernet, self.candidates(run, supernet, theta))

    def candidates(self, run: Run, supernet: Supernet, theta: Theta) -> list[Arch]:
        """At most `budget.candidates` architectures: the most probable one and others drawn from theta, without
        repetitions and invalid ones."""
        import torch

        with torch.no_grad():
            mix = theta.probabilities()
        candidates = [supernet.derive(mix)]
        for _ in range(run.budget.candidates - 1):
            arch = tuple(int(torch.multinomial(p.cpu(), 1, generator=run.generator)) for p in mix)
            if arch not in candidates and run.space.valid(arch):
                candidates.append(arch)
        return candidates
