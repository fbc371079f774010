"""DARTS-: DARTS with an auxiliary skip connection on every edge, which fades out during the search.

Paper: Chu et al., "DARTS-: Robustly Stepping out of Performance Collapse Without Indicators", ICLR 2021; details as in
Meituan-AutoML/DARTS- (src/search/model_search.py). A skip connection helps a supernet to train, whatever it is worth in
the architecture, which is why DARTS collects them. Here an auxiliary one helps instead: an edge gives
sum_i softmax(alpha)_i op_i(x) + beta skip(x), where beta falls from 1 to 0. The auxiliary one is no part of the
architecture that is derived.

Exact: DARTS (see there), the mixture on edges of stride 1, the decay of beta (linear or cosine), the derivation from
the softmax alone.

Departs from the paper: on edges that halve the map the auxiliary skip connection, a FactorizedReduce, shares the
weights of the candidate skip_connect instead of having its own, so that the sum is DARTS' mixture with beta added to
one weight; edges without the candidate skip_connect (some in the space darts_s1) have no auxiliary one.
"""

from __future__ import annotations

from dataclasses import dataclass

from methods.base import Run
from methods.darts import Darts
from spaces.base import Arch, Space, UserError


@dataclass(frozen=True)
class DartsMinus(Darts):
    """`beta`: in the first epoch. `decay`: linear or cosine."""

    beta: float = 1.0
    decay: str = "linear"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.decay not in ("linear", "cosine"):
            raise UserError(f"darts_minus: decay is {self.decay!r}; it must be linear or cosine")

    def unsupported(self, space: Space) -> str | None:
        if any("skip_connect" in names for names in space.candidates):
            return None
        return "it needs edges with the candidate skip_connect, and this space has none"

    def search(self, run: Run) -> Arch:
        from methods.parts.auxiliary_skip import AuxiliarySkip
        from methods.parts.collapse import course
        from protocols.parts.optimizers import cosine

        supernet = run.supernet()
        alphas = AuxiliarySkip(run.space.candidates, run.generator).to(run.device)
        descent = self.descent(supernet, alphas)
        for epoch in run.epochs(**descent.state()):
            alphas.beta = self.beta_at(epoch, run.budget.epochs)
            lr = cosine(self.lr, self.lr_min, epoch, run.budget.epochs)
            means = descent.epoch(run, lr)
            run.log(**means, **course(run.space.candidates, alphas.probabilities()), beta=alphas.beta, lr=lr)
        return supernet.derive(alphas.probabilities())

    def beta_at(self, epoch: int, epochs: int) -> float:
        """The weight of the auxiliary skip connections in an epoch of a search of `epochs`; 0 behind the last one."""
        from protocols.parts.optimizers import cosine

        return cosine(self.beta, 0.0, epoch, epochs) if self.decay == "cosine" else self.beta * (1 - epoch / epochs)
