"""What the methods share that search by evaluations: whom they ask, what they ask for, and what they give back."""

from __future__ import annotations

import random
from abc import abstractmethod
from contextlib import suppress
from dataclasses import dataclass

from methods.base import Method, Run
from methods.parts.limited import LimitedSpace
from protocols.base import Fidelity
from spaces.base import Arch, Space


@dataclass(frozen=True)
class Reward:
    """accuracy * (cost / target)^w, with w = `within` up to the target and `above` beyond it (Tan et al., MnasNet, CVPR
    2019, equations 2 and 3). The default is the paper's soft constraint; its hard one is within 0, above -1."""

    cost: str  # what `Run.cost` knows: "macs", "parameters" or a column of costs of a table
    target: float
    within: float = -0.07
    above: float = -0.07

    def __call__(self, accuracy: float, cost: float) -> float:
        power = self.within if cost <= self.target else self.above
        return accuracy * (cost / self.target) ** power


@dataclass(frozen=True)
class Limit:
    """A hard budget: architectures that cost more are not asked about."""

    cost: str  # as in Reward
    most: float

    def space(self, run: Run) -> Space:
        """What the limit leaves of the run's space."""
        return LimitedSpace(run.space, lambda arch: run.cost(self.cost, arch) <= self.most, str(self))


class Spent(Exception):
    """The budget of a search is spent."""


class Asking:
    """A search by evaluations. `space` has the architectures within the limit; `values` those of the architectures at
    full fidelity so far; `best` is the architecture with the largest value at the highest fidelity so far."""

    def __init__(self, run: Run, reward: Reward | None, limit: Limit | None):
        self.run, self.rng = run, run.rng
        self.space: Space = run.space
        if limit:
            self.space = limit.space(run)
            self.space.sample(random.Random(0))  # UserError at once where nothing is within the limit
        self._reward, self._turns = reward, run.evaluations()
        self._best: tuple[tuple[float, float, float], float] | None = None
        self._arch: Arch | None = None
        self.values: dict[Arch, float] = {}

    def sample(self) -> Arch:
        return self.space.sample(self.rng)

    def value(self, arch: Arch, fidelity: Fidelity | None = None) -> float:
        """What is maximised: the validation accuracy, or the reward. Spent where the budget ends."""
        if next(self._turns, None) is None:
            raise Spent
        value = self.run.evaluate(arch, fidelity)
        if self._reward:
            value = self._reward(value, self.run.cost(self._reward.cost, arch))
        how = (fidelity.passes, fidelity.channels, fidelity.resolution) if fidelity else (float("inf"), 1.0, 1.0)
        found = how, value
        if self._best is None or found > self._best:
            self._best, self._arch = found, arch
        if fidelity is None:
            self.values[arch] = value
        return value

    @property
    def best(self) -> Arch:
        """A random architecture where nothing was asked."""
        return self._arch or self.sample()


@dataclass(frozen=True)
class Warmup:
    """Before the first evaluation, `pool` random architectures are ranked by a proxy (Abdelfattah et al., Zero-cost
    proxies for lightweight NAS, ICLR 2021)."""

    proxy: str
    pool: int = 3000

    def ranked(self, asking: Asking) -> list[Arch]:
        """The architectures without repetition, best first."""
        drawn = dict.fromkeys(asking.sample() for _ in range(self.pool))
        return ranked(asking, self.proxy, list(drawn))


@dataclass(frozen=True)
class Move:
    """A child is the best neighbour of its parent by a proxy (as Warmup), but with probability `random` any of them."""

    proxy: str
    random: float = 0.25

    def child(self, asking: Asking, parent: Arch) -> Arch:
        near = list(asking.space.neighbours(parent))
        if not near:
            return parent
        return asking.rng.choice(near) if asking.rng.random() < self.random else ranked(asking, self.proxy, near)[0]


def ranked(asking: Asking, proxy: str, archs: list[Arch]) -> list[Arch]:
    """Best first; those whose score is not a number come last."""
    scores = dict(zip(archs, asking.run.scores_of(proxy, archs)))
    return sorted(archs, key=lambda arch: (scores[arch] == scores[arch], scores[arch]), reverse=True)


@dataclass(frozen=True)
class QueryMethod(Method):
    """A method that searches by evaluations: it needs no supernet, and works in every space and on every table."""

    reward: Reward | None = None
    limit: Limit | None = None

    def search(self, run: Run) -> Arch:
        asking = Asking(run, self.reward, self.limit)
        with suppress(Spent):
            self.explore(asking)
        return self.found(asking)

    def found(self, asking: Asking) -> Arch:
        """What the search gives back."""
        return asking.best

    def proxies(self) -> list[str]:
        used = (getattr(self, name, None) for name in ("warmup", "move"))
        return sorted({one.proxy for one in used if one})

    @abstractmethod
    def explore(self, asking: Asking) -> None:
        """Asks for values, without end: when the budget is spent, `Asking.value` leaves."""
