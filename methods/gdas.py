"""GDAS: one candidate per place is sampled, and its weight has the gradient of a Gumbel-softmax.

Paper: Dong and Yang, "Searching for a Robust Neural Architecture in Four GPU Hours", CVPR 2019; details as in
D-X-Y/AutoDL-Projects (exps/algos/GDAS.py). Every step of the search is a weight step on a training batch, then an
architecture step on a fresh random validation batch, each with a sample of its own: the heaviest candidate of
softmax((alpha + Gumbel noise) / tau). tau falls from 10 to 0.1. The result is what the space's rule derives from
softmax(alpha) after the last epoch.

Exact: samples and their straight-through gradient, which reaches the probability of the sampled candidate alone; the
temperatures; the order of the steps; optimizers and schedules.

Departs from the paper: any space with a supernet can be searched, and its own rule derives the result. In the space of
DARTS a node's two edges come from distinct inputs, while the public code can take both from one. Architecture steps
compute all candidates, those not sampled with weight 0, which changes time and memory only. The last architecture is
the result; the public code also keeps the one that was best on validation batches. The fixed reduction cell is not
there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from methods.base import Method, Run
from methods.parts import needs
from spaces.base import Arch, Space

if TYPE_CHECKING:
    from torch import Tensor

    from methods.parts.gumbel import Theta
    from protocols.parts.optimizers import Optimizer
    from spaces.parts.network import Supernet


@dataclass(frozen=True)
class Gdas(Method):
    """`temperature`: tau in the first epoch; `temperature_min`: in the last one, in between it falls linearly."""

    alpha_lr: float = 3e-4
    alpha_betas: tuple[float, float] = (0.5, 0.999)
    alpha_weight_decay: float = 1e-3
    temperature: float = 10.0
    temperature_min: float = 0.1
    lr: float = 0.025
    lr_min: float = 0.001
    momentum: float = 0.9  # Nesterov's
    weight_decay: float = 5e-4
    clip: float = 5.0

    def unsupported(self, space: Space) -> str | None:
        return needs.supernet(space)

    def search(self, run: Run) -> Arch:
        import torch

        from methods.parts.bilevel import means
        from methods.parts.collapse import course
        from methods.parts.gumbel import Theta, annealed
        from protocols.parts.optimizers import SGD, Adam, cosine, set_lr

        supernet = run.supernet()
        alphas = Theta(supernet.shape, 1e-3 * torch.randn(sum(supernet.shape), generator=run.generator)).to(run.device)
        weight_optimizer = SGD(supernet.parameters(), self.lr, self.momentum, self.weight_decay, nesterov=True)
        alpha_optimizer = Adam(
            alphas.parameters(), self.alpha_lr, self.alpha_betas, weight_decay=self.alpha_weight_decay
        )
        state = {"weight_optimizer": weight_optimizer, "alpha_optimizer": alpha_optimizer}
        for epoch in run.epochs(supernet=supernet, alphas=alphas, **state):
            lr = cosine(self.lr, self.lr_min, epoch, run.budget.epochs)
            set_lr(weight_optimizer, lr)
            tau = annealed(self.temperature, self.temperature_min, epoch, run.budget.epochs)
            steps = means(
                self._step(run, supernet, alphas, weight_optimizer, alpha_optimizer, tau, batch)
                for batch in run.batches("train")
            )
            mix = alphas.probabilities()
            run.log(**steps, **course(run.space.candidates, mix), temperature=tau, lr=lr)
        return supernet.derive(alphas.probabilities())

    def _step(
        self,
        run: Run,
        supernet: Supernet,
        alphas: Theta,
        weight_optimizer: Optimizer,
        alpha_optimizer: Optimizer,
        tau: float,
        batch: tuple[Tensor, Tensor],
    ) -> dict[str, float]:
        """A weight step on the training batch, then an architecture step; returns what is logged."""
        from methods.parts.bilevel import architecture_step, weight_step

        loss, accuracy = weight_step(supernet, weight_optimizer, alphas.one_hot(tau, run.generator), batch, self.clip)
        val_loss, val_accuracy = architecture_step(
            supernet, alpha_optimizer, alphas.one_hot(tau, run.generator), run.batch("val")
        )
        return {"train_loss": loss, "train_accuracy": accuracy, "val_loss": val_loss, "val_accuracy": val_accuracy}
