"""NAO: architectures become points of a continuous space, which move along the gradient of their predicted accuracy.

Paper: Luo et al., Neural architecture optimization (NeurIPS 2018); details as in renqianluo/NAO_pytorch (NAO_V2). After
a pool of random architectures, each round trains an encoder, a predictor and a decoder on all that is known, moves the
points of the best along the gradient by steps of 1, 2 … `steps`, and asks about what the decoder makes of them, until
the round's share of the budget is spent on architectures that are new.

Exact: the model (LSTMs with 64 units, embeddings of 32, attention in the decoder, points of length 1), its loss (0.8
squared error of the accuracy, scaled to 0 to 1, and 0.2 cross entropy of the reconstruction), Adam, epochs, the steps.

Departs from the paper: each evaluation is a training or a lookup, where the public code scores all architectures on one
batch with shared weights; the pool, the best and the rounds are the published shares of the budget (1,000 random ones,
then three times 300 from the best tenth). Any space can be searched: a decision is a token, and options of other
decisions are not written. The ten copies of each architecture with inputs in another order are missing, since a space
does not say which are equal. Where too few new ones are decoded, random ones fill the round.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from methods.parts.queries import Asking, QueryMethod
from spaces.base import Arch

if TYPE_CHECKING:
    from methods.parts.autoencoder import Autoencoder


@dataclass(frozen=True)
class Nao(QueryMethod):
    pool: float = 0.526  # published: 1,000 of 1,900. Share of the budget for random architectures
    rounds: int = 3
    top: float = 0.1  # share of the known architectures whose points move
    epochs: int = 1000
    trade_off: float = 0.8  # weight of the predictor's loss; the reconstruction has the rest
    steps: int = 50

    def explore(self, asking: Asking) -> None:
        budget = asking.run.left
        size = max(2, round(self.pool * budget))
        share = max(1, round((budget - size) / self.rounds))
        while len(asking.values) < size:
            asking.value(asking.sample())
        while asking.run.left > 0:  # else it would fit once more, for nothing
            new = self._new(asking, self._fitted(asking), share)
            for arch in new:
                asking.value(arch)
            for _ in range(share - len(new)):
                asking.value(asking.sample())

    def _fitted(self, asking: Asking) -> Autoencoder:
        """Trained anew on all that is known. Its global generator is a copy, seeded by the search's own."""
        import torch

        from methods.parts.autoencoder import Autoencoder

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(asking.rng.getrandbits(32))
            model = Autoencoder(asking.space.choices)
            model.fit(list(asking.values), list(asking.values.values()), self.epochs, self.trade_off)
        return model

    def _new(self, asking: Asking, model: Autoencoder, most: int) -> list[Arch]:
        """Decoded architectures that were not evaluated, at most so many: small steps from the best come first."""
        best_first = sorted(asking.values, key=asking.values.__getitem__, reverse=True)
        best = best_first[: max(1, round(self.top * len(best_first)))]
        new: dict[Arch, None] = {}
        for step in range(1, self.steps + 1):
            moved = model.moved(best, step)
            new |= {arch: None for arch in moved if arch not in asking.values and asking.space.valid(arch)}
            if len(new) >= most:
                break
        return list(new)[:most]
