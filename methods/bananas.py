"""BANANAS: an ensemble of networks predicts accuracies, and a sample from its predictions says what to ask next.

Paper: White, Neiswanger and Savani, BANANAS: Bayesian optimization with neural architectures for neural architecture
search (AAAI 2021); details as in naszilla/naszilla. After `first` random architectures, each round trains the ensemble
on all that is known, mutates the `parents` best architectures into `candidates` new ones, draws a value for each from
the normal distribution of its predictions (independent Thompson sampling), and asks about the `batch` best.

Exact: the ensemble (five networks of ten layers of 20 units, Adam, 200 epochs, batches of 32), the acquisition by
independent Thompson sampling, candidates as architectures that differ in one decision.

Departs from the paper: an architecture is the set of its paths where the space declares them (nasbench201); in all
other spaces it is the options of its decisions, one-hot, which the paper found to be worse. A path through `none` is no
path, and a path that no known architecture has is left out, where the paper keeps the most likely ones. The loss is the
absolute error, as in the public code, of values in standard deviations; the paper's is relative to a lower bound of the
error, which other datasets do not share.
"""

from __future__ import annotations

from dataclasses import dataclass

from methods.parts.queries import Asking, QueryMethod
from spaces.base import Arch


@dataclass(frozen=True)
class Bananas(QueryMethod):
    first: int = 10  # random architectures
    batch: int = 10  # architectures that a round asks about
    parents: int = 5
    candidates: int = 100

    def explore(self, asking: Asking) -> None:
        values: dict[Arch, float] = {}
        while asking.run.left > 0:  # else it would fit once more, for nothing
            chosen = self._chosen(asking, values) if len(values) >= self.first else [asking.sample()]
            for arch in chosen:
                values[arch] = asking.value(arch)

    def _chosen(self, asking: Asking, values: dict[Arch, float]) -> list[Arch]:
        """The candidates with the largest values drawn, best first."""
        import numpy as np

        from methods.parts.encodings import Encoding
        from methods.parts.ensembles import Ensemble

        candidates = self._candidates(asking, values)
        encoding = Encoding(asking.run.space, list(values))
        ensemble = Ensemble(len(encoding.columns), asking.run.generator)
        ensemble.fit(encoding(list(values)), np.array(list(values.values())))
        means, spreads = ensemble.predict(encoding(candidates))
        drawn = [asking.rng.gauss(mean, spread) for mean, spread in zip(means.tolist(), spreads.tolist())]
        best_first = sorted(range(len(candidates)), key=drawn.__getitem__, reverse=True)
        return [candidates[i] for i in best_first[: self.batch]]

    def _candidates(self, asking: Asking, values: dict[Arch, float]) -> list[Arch]:
        """New neighbours of the best, at most `candidates`; a random architecture where they have none."""
        best = sorted(values, key=values.__getitem__, reverse=True)[: self.parents]
        near = dict.fromkeys(child for parent in best for child in asking.space.neighbours(parent))
        new = [arch for arch in near if arch not in values]
        return asking.rng.sample(new, min(self.candidates, len(new))) or [asking.sample()]
