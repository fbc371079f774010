"""Agents that learn by the bandit algorithm EXP3, one for each place of a supernet.

Auer, Cesa-Bianchi, Freund and Schapire, "The Nonstochastic Multiarmed Bandit Problem", SIAM J. Comput. 32 (2002).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def exploration(arms: int, steps: int) -> float:
    """The share of uniform draws that bounds the regret by 2 sqrt(e - 1) sqrt(steps * arms * ln arms), for gains from 0
    to 1 (corollary 3.2)."""
    return min(1.0, math.sqrt(arms * math.log(arms) / ((math.e - 1) * steps)))


class Agents:
    """Agent i draws candidate k with the probability (1 - g) softmax(scores[i])_k + g / K, where K is the number of its
    candidates and g its `exploration` for the number of steps to come.

    A gain r of a drawn candidate adds g / K times its estimate, r / probability, to the candidate's score.
    """

    def __init__(self, shape: Sequence[int], steps: int):
        """shape: the number of candidates at each place; steps: of the whole search."""
        self.rates = [exploration(arms, steps) for arms in shape]
        self.scores = [torch.zeros(arms, dtype=torch.float64) for arms in shape]

    def probabilities(self) -> list[Tensor]:
        """The probability of each candidate: one vector per place, on the CPU."""
        return [(1 - g) * row.softmax(0) + g / len(row) for g, row in zip(self.rates, self.scores)]

    def draw(self, generator: torch.Generator) -> list[int]:
        """The candidate of each place, drawn independently."""
        return [int(torch.multinomial(p, 1, generator=generator)) for p in self.probabilities()]

    def learn(self, drawn: Sequence[int], gain: float) -> None:
        """Every agent learns from the gain (0 to 1) of what all have drawn."""
        for g, row, p, k in zip(self.rates, self.scores, self.probabilities(), drawn):
            row[k] += g / len(row) * gain / p[k]

    def explain(self, played: Sequence[tuple[Sequence[int], float]]) -> None:
        """Every agent learns from several draws and their gains at once, with the gain of a candidate estimated for
        each draw by the sum of terms that fits all gains best: one term per place and candidate, in the least squares
        of the smallest norm. The expectation of `learn` over a draw, for the estimated gains."""
        sizes = [len(row) for row in self.scores]
        features = torch.zeros(len(played), sum(sizes), dtype=torch.float64)
        starts = [sum(sizes[:i]) for i in range(len(sizes))]
        for row, (drawn, _) in zip(features, played):
            row[[start + k for start, k in zip(starts, drawn)]] = 1.0
        gains = torch.tensor([gain for _, gain in played], dtype=torch.float64)
        terms = torch.linalg.pinv(features) @ gains
        for g, scores, estimated in zip(self.rates, self.scores, terms.split(sizes)):
            scores += len(played) * g / len(scores) * estimated

    def state_dict(self) -> dict[str, Any]:
        return {"scores": self.scores}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.scores = list(state["scores"])
