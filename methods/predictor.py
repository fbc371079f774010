"""Predictor: evaluations go to the architectures that a model of those evaluated so far ranks highest.

Paper: Dudziak et al., BRP-NAS: Prediction-based NAS using GCNs (NeurIPS 2020); details as in SamsungLabs/eagle. The
budget is spent in `rounds` of equal size. The first is random. In round i half of the new architectures are the best
by prediction, and half are drawn from the best 1/2^i. With `warmup` the first round is the best of a pool by a proxy.

Exact: rounds, the choice of new architectures, the binary relation that the model `binary` learns: which of two
architectures is more accurate, as cross entropy with the sigmoid of the difference of their accuracies.

Departs from the paper: architectures are one-hot vectors of their decisions, so that every space can be searched, and
two layers embed them instead of a graph network; a step sees all pairs; differences of accuracies are in standard
deviations of those that are known. `kernel_ridge`, the default, is as good on
NAS-Bench-201 and some forty times as fast (docs/tables.md).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from methods.parts.queries import Asking, QueryMethod, Warmup
from spaces.base import Arch

if TYPE_CHECKING:
    from methods.parts.predictors import Model


@dataclass(frozen=True)
class Predictor(QueryMethod):
    model: Literal["kernel_ridge", "binary"] = "kernel_ridge"  # published: binary
    rounds: int = 5
    pool: int = 20_000  # architectures to choose from: all of a space that has no more, else so many random ones
    warmup: Warmup | None = None

    def explore(self, asking: Asking) -> None:
        from methods.parts.predictors import MODELS

        candidates = self._candidates(asking)
        size = max(1, round(asking.run.left / self.rounds))
        first = self.warmup.ranked(asking) if self.warmup else asking.rng.sample(candidates, len(candidates))
        values = {arch: asking.value(arch) for arch in first[:size]}
        for number in itertools.count(1):
            model = MODELS[self.model](asking.space.choices, asking.run.rng.getrandbits(32))
            model.fit(list(values), list(values.values()))
            for arch in self._chosen(asking, [arch for arch in candidates if arch not in values], model, number, size):
                values[arch] = asking.value(arch)

    def _candidates(self, asking: Asking) -> list[Arch]:
        if math.prod(asking.space.choices) > self.pool:
            return list(dict.fromkeys(asking.sample() for _ in range(self.pool)))
        everything = itertools.product(*map(range, asking.space.choices))
        return [arch for arch in everything if asking.space.valid(arch)]

    def _chosen(self, asking: Asking, rest: list[Arch], model: Model, number: int, size: int) -> list[Arch]:
        """The architectures of a round: the best by prediction, and others of the best 1/2^number."""
        predicted = dict(zip(rest, model.predict(rest)))
        best_first = sorted(rest, key=predicted.__getitem__, reverse=True)
        top = best_first[: size - size // 2]
        others = best_first[len(top) : max(size, len(best_first) // 2**number)]
        return top + asking.rng.sample(others, min(size // 2, len(others)))
