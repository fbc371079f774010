"""MANAS-style: an agent at every place learns by a bandit algorithm which candidate makes sampled networks accurate.

Paper: Carlucci et al., "MANAS: Multi-Agent Neural Architecture Search", 2019 (arXiv 1909.01051). It is known to us from
its abstract only, and no public code was found; hence "-style". Every training batch trains one path, whose candidates
the agents draw independently; the path's accuracy on a random validation batch is the gain that all agents share. The
result is what the space's rule derives from the agents' probabilities after the last epoch.

Exact: the agents are EXP3 (Auer, Cesa-Bianchi, Freund and Schapire, "The Nonstochastic Multiarmed Bandit Problem", SIAM
J. Comput. 2002, with its corollary 3.2): probabilities, estimated gains, updates, and the exploration rate that bounds
the regret by 2 sqrt(e - 1) sqrt(T K ln K) after T steps with K candidates. One path at a time is computed.

Departs from the paper: all that the abstract leaves open is ours: the bandit algorithm, the gain, the optimizer of the
weights (that of DARTS) and the derivation. `credit: least_squares` follows the name of the paper's second variant: the
gains of an epoch are explained by a sum of one term for each place and candidate (least squares of the smallest norm),
and at the end of the epoch every agent gets, for each of its candidates, what EXP3 would get from these terms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from methods.base import Method, Run
from methods.parts import needs
from spaces.base import Arch, Space, UserError

if TYPE_CHECKING:
    from torch import Tensor

    from methods.parts.bandits import Agents
    from protocols.parts.optimizers import Optimizer
    from spaces.parts.network import Supernet


@dataclass(frozen=True)
class Manas(Method):
    """`credit`: exp3 or least_squares."""

    credit: str = "exp3"  # published: both
    lr: float = 0.025  # published: unknown to us, as all that follow
    lr_min: float = 0.001
    momentum: float = 0.9
    weight_decay: float = 3e-4
    clip: float = 5.0

    def __post_init__(self) -> None:
        if self.credit not in ("exp3", "least_squares"):
            raise UserError(f"manas: credit is {self.credit!r}; it must be exp3 or least_squares")

    def unsupported(self, space: Space) -> str | None:
        return needs.supernet(space)

    def search(self, run: Run) -> Arch:
        from methods.parts.bandits import Agents
        from methods.parts.bilevel import means
        from methods.parts.collapse import course
        from protocols.parts.optimizers import SGD, cosine, set_lr

        supernet = run.supernet()
        agents = Agents(supernet.shape, run.budget.epochs * run.steps("train"))
        optimizer = SGD(supernet.parameters(), self.lr, self.momentum, self.weight_decay)
        for epoch in run.epochs(supernet=supernet, agents=agents, optimizer=optimizer):
            lr = cosine(self.lr, self.lr_min, epoch, run.budget.epochs)
            set_lr(optimizer, lr)
            played: list[tuple[list[int], float]] = []
            steps = means(self._step(run, supernet, agents, optimizer, batch, played) for batch in run.batches("train"))
            if self.credit == "least_squares":
                agents.explain(played)
            run.log(**steps, **course(run.space.candidates, agents.probabilities(), "entropy"), lr=lr)
        return supernet.derive(agents.probabilities())

    def _step(
        self,
        run: Run,
        supernet: Supernet,
        agents: Agents,
        optimizer: Optimizer,
        batch: tuple[Tensor, Tensor],
        played: list[tuple[list[int], float]],
    ) -> dict[str, float]:
        """A weight step of one sampled path, then its gain, which is added to `played`; returns what is logged."""
        from methods.parts.bilevel import accuracy, weight_step
        from methods.parts.paths import chosen_mix

        drawn = agents.draw(run.generator)
        mix = chosen_mix(supernet, drawn)
        loss, share = weight_step(supernet, optimizer, mix, batch, self.clip)
        gain = accuracy(supernet, mix, [run.batch("val", augment=False)])
        played.append((drawn, gain))
        if self.credit == "exp3":
            agents.learn(drawn, gain)
        return {"train_loss": loss, "train_accuracy": share, "val_accuracy": gain}
