"""NASNet-style: a recurrent controller writes architectures and learns from their evaluations by PPO or REINFORCE.

Paper: Zoph et al., "Learning Transferable Architectures for Scalable Image Recognition", CVPR 2018 (PPO); Zoph and Le,
"Neural Architecture Search with Reinforcement Learning", ICLR 2017 (REINFORCE). No search code is public; hence
"-style". An LSTM makes one decision after another, each by a softmax, and reads what it has decided. It writes `batch`
architectures at a time; their rewards minus a moving average are the advantages of one update.

Exact: units, learning rate, weight of the entropy, decay of the baseline, the batch; the clipped objective of PPO
(Schulman et al., 2017, equation 7) and the estimator of REINFORCE.

Departs from the paper: any space can be searched, and each of its decisions is one softmax; the number of PPO's steps
for a batch and its clipping are ours, since the paper does not say them; the budget is the protocol's, not 20,000
architectures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from methods.parts.queries import Asking, QueryMethod


@dataclass(frozen=True)
class Nasnet(QueryMethod):
    update: Literal["ppo", "reinforce"] = "ppo"
    units: int = 100
    lr: float = 3.5e-4
    entropy_weight: float = 1e-5
    decay: float = 0.95  # of the baseline
    batch: int = 20
    clip: float = 0.2  # published: unknown to us
    steps: int = 4  # published: unknown to us. Of PPO, on one batch; REINFORCE makes one

    def explore(self, asking: Asking) -> None:
        import torch

        from methods.parts.writer import Writer, objective
        from protocols.parts.optimizers import Adam

        generator = asking.run.generator
        writer = Writer(asking.space.choices, self.units, generator)
        optimizer = Adam(writer.parameters(), self.lr)
        baseline: float | None = None
        while True:
            archs = [arch for arch in writer.sample(self.batch, generator) if asking.space.valid(arch)]
            if not archs:
                continue
            rewards = torch.tensor([asking.value(arch) for arch in archs])
            mean = float(rewards.mean())
            baseline = mean if baseline is None else self.decay * baseline + (1 - self.decay) * mean
            with torch.no_grad():
                before, _ = writer(archs)
            for _ in range(self.steps if self.update == "ppo" else 1):
                now, entropy = writer(archs)
                clip = self.clip if self.update == "ppo" else None
                gain = objective(now, before, rewards - baseline, clip) + self.entropy_weight * entropy.mean()
                optimizer.zero_grad()
                (-gain).backward()
                optimizer.step()
