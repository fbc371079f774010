"""REINFORCE: a probability for each option of each decision, moved towards what was better than the average so far.

Paper: Williams (Machine Learning, 1992), in the tabular form of NATS-Bench (Dong et al., TPAMI 2021; AutoDL-Projects,
exps/NATS-algos/reinforce.py): independent logits, a moving average of the rewards as baseline, Adam.

Exact: the gradient, and the bias-corrected baseline, which includes the current reward.

Departs from the paper: with `warmup` the first rewards are a proxy's ranks, from 0 to 1, of random architectures
("-style": the paper on zero-cost warm-up says that it rewards the controller so, and not how).
"""

from __future__ import annotations

from dataclasses import dataclass

from methods.parts.queries import Asking, QueryMethod, Warmup


@dataclass(frozen=True)
class Reinforce(QueryMethod):
    lr: float = 0.01
    decay: float = 0.9  # of the baseline
    warmup: Warmup | None = None

    def explore(self, asking: Asking) -> None:
        from methods.parts.policy import Policy

        policy = Policy(asking.space.choices, asking.rng, self.lr, self.decay)
        if self.warmup:
            best_first = self.warmup.ranked(asking)
            rewards = {arch: 1 - rank / len(best_first) for rank, arch in enumerate(best_first)}
            for arch in asking.rng.sample(best_first, len(best_first)):
                policy.learn(arch, rewards[arch])
        while True:
            arch = policy.sample()
            if asking.space.valid(arch):
                policy.learn(arch, asking.value(arch))
