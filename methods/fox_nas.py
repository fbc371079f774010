"""FOX-NAS: a linear regression explains accuracies, and annealing without temperature looks for its best architecture.

Paper: Chiang et al., FOX-NAS: fast, on-device and explainable neural architecture search (ICCV workshops 2021); details
as in great8nctu/FOX-NAS. A random sample is evaluated, and ordinary least squares fits accuracy and cost. Annealing
climbs the predicted accuracy, `restarts` times, within a `limit` where one is given; what it accepted is evaluated, the
best by prediction first. The coefficients of the regressions, with R² on the sample and on architectures left out, are
in the record, and their signs in the report.

Exact: least squares; annealing (numbers of decisions that change, what is accepted, when it stops), whose restarts all
begin alike: the public code keeps the late weights of decisions after the first. The features of the paper's own space
and its published models are methods/parts/fox_space.py.

Departs from the paper: the features are the options of a space's decisions, one-hot against the first option, without
products of them; a proposal redraws an option uniformly, since options are not ordered, instead of moving to the next
one; decisions all have the same weight, since none of ours is a depth; a start is random. The limit is of the true
cost, which is counted, and not of a predicted one; the regression of the cost only explains. The sample is a share of
the budget instead of 300 architectures. Where the budget outlasts what was accepted, the models are fitted again.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from methods.parts.queries import Asking, QueryMethod
from spaces.base import Arch, UserError


@dataclass(frozen=True)
class FoxNas(QueryMethod):
    sample: float = 0.75  # published: 300 architectures. Share of the budget
    restarts: int = 3
    patience: int = 5000  # proposals without an accepted one, after which a restart ends
    cost: str = "macs"  # published: milliseconds. What the second regression explains, as in Limit

    def explore(self, asking: Asking) -> None:
        size = max(2, round(self.sample * asking.run.left))
        while len(asking.values) < size:
            asking.value(asking.sample())
        while True:
            accepted = self._accepted(asking, self._explained(asking))
            new = [arch for arch in accepted if arch not in asking.values]
            for arch in new or [asking.sample()]:
                asking.value(arch)

    def _explained(self, asking: Asking) -> list[list[float]]:
        """The effect of each option on accuracy, in percentage points; all that is learnt goes into the record."""
        from methods.parts.linear import Options, Regression

        options, archs = Options(asking.run.space), list(asking.values)
        accuracy = Regression.of(options.names, options(archs), [100 * value for value in asking.values.values()])
        models = {"accuracy": accuracy}
        with suppress(UserError):  # the cost is not known here
            costs = [asking.run.cost(self.cost, arch) for arch in archs]
            models[self.cost] = Regression.of(options.names, options(archs), costs)
        for what, model in models.items():
            asking.run.log(**{f"{what} R2": model.r2, f"{what} coefficient: intercept": model.intercept})
            if model.r2_left_out is not None:
                asking.run.log(**{f"{what} R2 left out": model.r2_left_out})
            named = zip(model.names, model.coefficients)
            asking.run.log(**{f"{what} coefficient: {name}": value for name, value in named})
        return options.effects(accuracy)

    def _accepted(self, asking: Asking, effects: Sequence[Sequence[float]]) -> list[Arch]:
        """Of all restarts, the best by prediction first."""
        from methods.parts.annealing import Walk, anneal

        choices = asking.space.choices
        even = [float(options > 1) for options in choices]
        walk = Walk(lambda decision, _: range(choices[decision]), even, even, asking.space.valid)

        def predicted(arch: Arch) -> float:
            return sum(row[option] for row, option in zip(effects, arch))

        found: dict[Arch, float] = {}
        for _ in range(self.restarts):
            found |= anneal(asking.sample(), walk, predicted, self.patience, asking.rng)
        return sorted(found, key=found.__getitem__, reverse=True)
