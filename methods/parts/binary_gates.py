"""Binary gates of ProxylessNAS: one path is computed, and its gates have the gradient of path probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from methods.parts.gumbel import Theta
from protocols.parts.optimizers import Optimizer


class Gates(NamedTuple):
    """Per place: `mix`, 1 for the active candidate and exactly 0 for the others; `probabilities`, those that the active
    one was drawn from, with gradient; `drawn`, the candidates that took part; `active`, the one."""

    mix: list[Tensor]
    probabilities: list[Tensor]
    drawn: list[Tensor]
    active: list[int]


def binary_gates(theta: Theta, form: str, generator: torch.Generator) -> Gates:
    """Draws one candidate at each place. "full_v2": of all, by their probabilities. "two": two are drawn by these,
    without replacement, and one of the two by the softmax of their logits alone.

    The gradient of a gate g_j is given to its probability p_j: dL/dlogit_i = sum_j dL/dg_j p_j (1[i = j] - p_i), over
    the candidates that took part (Cai, Zhu and Han, ProxylessNAS, ICLR 2019, eq. 4; modules/mix_op.py).
    """
    found = Gates([], [], [], [])
    for row in theta.rows():
        drawn, p = torch.arange(len(row)), row.softmax(0)
        if form == "two" and len(row) > 2:
            drawn = torch.multinomial(p.detach().cpu(), 2, generator=generator)
            p = torch.zeros_like(row).index_put((drawn.to(row.device),), row[drawn].softmax(0))
        active = int(torch.multinomial(p.detach().cpu(), 1, generator=generator))
        found.mix.append(one_hot(torch.tensor(active), len(row)).to(p) + (p - p.detach()))
        found.probabilities.append(p)
        found.drawn.append(drawn)
        found.active.append(active)
    return found


@torch.no_grad()
def rescale(theta: Theta, before: Tensor, drawn: Sequence[Tensor]) -> None:
    """After a step from the logits `before`: shifts those of the candidates that took part at each place, so that the
    probabilities of the others stay what they were."""
    for row, old, some in zip(theta.rows(), before.split(theta.shape), drawn):
        if len(some) < len(row):
            row[some] -= row[some].logsumexp(0) - old[some].logsumexp(0)


class PathPolicy:
    """REINFORCE on the probabilities of whole paths, with a moving average of mean rewards as baseline."""

    def __init__(self, theta: Theta, optimizer: Optimizer, decay: float):
        self.theta, self.optimizer, self.decay = theta, optimizer, decay
        self.baseline: float | None = None

    def learn(self, samples: int, reward: Callable[[Gates], float], generator: torch.Generator) -> float:
        """One step along the mean of (reward - baseline) d log p(path) over so many paths; their mean reward, which
        moves the baseline before it is compared."""
        drawn = [binary_gates(self.theta, "full_v2", generator) for _ in range(samples)]
        rewards = [reward(gates) for gates in drawn]
        mean = sum(rewards) / samples
        before = mean if self.baseline is None else self.baseline
        self.baseline = self.decay * before + (1 - self.decay) * mean
        log_p = torch.stack(
            [torch.stack([p[k].log() for p, k in zip(one.probabilities, one.active)]).sum() for one in drawn]
        )
        self.optimizer.zero_grad()
        (-(log_p.new_tensor(rewards) - self.baseline) @ log_p / samples).backward()
        self.optimizer.step()
        return mean

    def state_dict(self) -> dict[str, Any]:
        return {"baseline": self.baseline}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.baseline = state["baseline"]
