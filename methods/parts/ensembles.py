"""An ensemble of small networks that predict a number, trained side by side."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from protocols.parts.optimizers import Adam

MEMBERS, LAYERS, WIDTH = 5, 10, 20
LR, BETAS, EPOCHS, BATCH = 0.01, (0.9, 0.99), 200, 32


class Ensemble:
    """Fully connected networks with ReLU that differ in their initial weights and in the order of their batches;
    absolute error, Adam. Values are in standard deviations of those that are known."""

    def __init__(self, features: int, generator: torch.Generator):
        self.generator = generator
        sizes = [features, *[WIDTH] * LAYERS, 1]
        self.shapes = list(zip(sizes, sizes[1:]))
        drawn = [self._glorot(inputs, outputs) for inputs, outputs in self.shapes]
        biases = [torch.zeros(MEMBERS, outputs) for outputs in sizes[1:]]
        self.parameters = torch.cat([part for pair in zip(drawn, biases) for part in pair], 1).requires_grad_()
        self.mean, self.scale = 0.0, 1.0

    def _glorot(self, inputs: int, outputs: int) -> Tensor:
        bound = math.sqrt(6 / (inputs + outputs))
        return torch.empty(MEMBERS, inputs * outputs).uniform_(-bound, bound, generator=self.generator)

    def __call__(self, x: Tensor) -> Tensor:
        """(members, n, features) to (members, n)."""
        sizes = [size for inputs, outputs in self.shapes for size in (inputs * outputs, outputs)]
        parts = iter(self.parameters.split(sizes, 1))  # one tensor of all: a tenth of the optimizer's calls
        for i, (shape, weight, bias) in enumerate(zip(self.shapes, parts, parts)):
            x = torch.baddbmm(bias[:, None], x.relu() if i else x, weight.view(-1, *shape))
        return x[..., 0]

    def fit(self, x: np.ndarray, values: np.ndarray) -> None:
        """x: (n, features); values: (n,)."""
        self.mean, self.scale = float(values.mean()), float(values.std()) or 1.0
        inputs, targets = torch.tensor(x), torch.tensor((values - self.mean) / self.scale, dtype=torch.float32)
        optimizer = Adam([self.parameters], LR, betas=BETAS)
        for _ in range(EPOCHS):
            order = torch.rand(MEMBERS, len(targets), generator=self.generator).argsort(1)
            for chosen in order.split(BATCH, 1):
                loss = (self(inputs[chosen]) - targets[chosen]).abs().mean(1).sum()  # members do not share a gradient
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

    @torch.no_grad()
    def predict(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(mean, standard deviation) over the members, each (n,)."""
        found = self(torch.tensor(x).expand(MEMBERS, -1, -1)).double().numpy() * self.scale + self.mean
        return found.mean(0), found.std(0, ddof=1)
