"""Independent decisions with learnt probabilities."""

from __future__ import annotations

import random

import numpy as np

from spaces.base import Arch

BETAS, EPSILON = (0.9, 0.999), 1e-8


class Policy:
    """Logits (decisions, options), softmax over the options, trained by REINFORCE with Adam."""

    def __init__(self, choices: tuple[int, ...], rng: random.Random, lr: float, decay: float):
        self.rng, self.lr, self.decay = rng, lr, decay
        self.logits = np.full((len(choices), max(choices)), -np.inf)
        for row, options in zip(self.logits, choices):
            row[:options] = [1e-3 * rng.gauss(0, 1) for _ in range(options)]
        self._mean = np.zeros_like(self.logits)
        self._square = np.zeros_like(self.logits)
        self._steps = 0
        self._average = 0.0

    @property
    def probabilities(self) -> np.ndarray:
        odds = np.exp(self.logits - self.logits.max(1, keepdims=True))
        return odds / odds.sum(1, keepdims=True)

    def sample(self) -> Arch:
        return tuple(self.rng.choices(range(len(row)), row)[0] for row in self.probabilities.tolist())

    def learn(self, arch: Arch, reward: float) -> None:
        """One step of Adam on -(reward - baseline) * log p(arch). d log p / d logits = one-hot(arch) - p."""
        self._steps += 1
        self._average = self.decay * self._average + (1 - self.decay) * reward
        baseline = self._average / (1 - self.decay**self._steps)
        gradient = self.probabilities
        gradient[range(len(arch)), arch] -= 1
        gradient *= reward - baseline
        first, second = BETAS
        self._mean = first * self._mean + (1 - first) * gradient
        self._square = second * self._square + (1 - second) * gradient**2
        mean, square = self._mean / (1 - first**self._steps), self._square / (1 - second**self._steps)
        self.logits -= self.lr * mean / (np.sqrt(square) + EPSILON)
